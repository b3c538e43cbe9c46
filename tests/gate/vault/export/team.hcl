path "secret/data/*" { capabilities = ["read"] }
path "secret/data/payroll" { capabilities = ["list"] }
path "secret/data/board" { capabilities = ["deny"] }
