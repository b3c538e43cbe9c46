# Policy of team a.
path "secret/data/*" {
  capabilities = ["read", "list"]
}
path "secret/data/team-a/*" {
  capabilities = ["create", "update", "read"]
}
path "secret/data/team-a/root" {
  capabilities = ["deny"]
}
path "secret/data/+/shared" {
  capabilities = ["update"]
}
path "kv/{{identity.entity.name}}/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
path "auth/token/create" {
  capabilities = ["update"]
  allowed_parameters = { "ttl" = ["1h"], "policies" = [] }
}
path "sys/auth/*" {
  capabilities = ["create", "update", "delete"]
}
