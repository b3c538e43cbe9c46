path "cubbyhole/x" { capabilities = ["read"] }
