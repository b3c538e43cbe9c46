path "secret/data/*" { capabilities = ["delete"] }
path "secret/data/team-a/root" { capabilities = ["read"] }
path "sys/audit/*" { capabilities = ["update", "sudo"] }
