//! What a pod's spec says of whom it runs as, where, and how it could leave its container.
//!
//! Each way out is a fact of the workload (`escape:…`): `true`, or `unknown: …` with what it hangs on. Facts of one
//! container count together only if that container has all of them.

use serde_json::Value;

use super::objects::Objects;
use super::value::{at, flag, list, text, texts};
use crate::model::{Handle, MembershipKind};

/// Where pods of a spec run.
pub struct Running<'r> {
    pub namespace: &'r str,
    /// Node of a pod that is scheduled.
    pub node: Option<&'r str>,
    pub place: &'r str,
}

/// Attribute with the pod's own word on whether it mounts a token: `true`, `false`, `explicit`; absent when it leaves
/// it to its service account.
pub const AUTOMOUNT: &str = "automount";

/// Sockets through which containers are started and stopped.
const SOCKETS: &[&str] = &[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/var/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/var/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/podman/podman.sock",
];

/// Places on a node whose writing gives control of it. Whatever is above one of them gives it too.
const WRITE: &[&str] = &[
    "/etc",
    "/root",
    "/home",
    "/boot",
    "/bin",
    "/sbin",
    "/usr",
    "/lib",
    "/lib64",
    "/opt",
    "/dev",
    "/proc",
    "/sys",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/rancher",
    "/var/lib/cloud",
    "/var/spool/cron",
    "/run/systemd",
    "/run/containerd",
    "/var/run/docker",
];

/// Places on a node whose reading gives keys or tokens that control it.
const READ: &[&str] = &[
    "/etc/kubernetes",
    "/etc/shadow",
    "/etc/ssh",
    "/root",
    "/home",
    "/proc",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/rancher",
    "/etc/rancher",
    "/run/secrets",
];

/// Reads a spec into facts of a workload.
pub fn read(objects: &mut Objects<'_>, workload: Handle, spec: &Value, running: &Running<'_>) {
    let account = text(spec, "serviceAccountName").or_else(|| text(spec, "serviceAccount"));
    let account = objects.service_account(running.namespace, account.as_deref().unwrap_or("default"));
    objects.membership(workload, account, MembershipKind::RunsAs, running.place);
    if list(spec, "volumes").iter().any(has_api_token) {
        objects.out.attribute(workload, AUTOMOUNT, "explicit");
    } else if let Some(own) = flag(spec, "automountServiceAccountToken") {
        objects.out.attribute(workload, AUTOMOUNT, &own.to_string());
    }
    let node = objects.node(running.node);
    objects.membership(workload, node, MembershipKind::Contains, running.place);
    for (key, value) in escapes(spec) {
        objects.out.attribute(workload, &format!("escape:{key}"), &value);
    }
    let mut secrets: Vec<String> = secrets(spec).filter(|name| !name.contains('/')).collect();
    secrets.sort_unstable();
    secrets.dedup();
    for name in secrets {
        let secret = objects.secret(running.namespace, &name);
        objects.membership(secret, workload, MembershipKind::Contains, running.place);
    }
}

/// Names of the secrets whose values a pod is given, as files or in its environment.
fn secrets(spec: &Value) -> impl Iterator<Item = String> {
    let volumes = list(spec, "volumes").iter().flat_map(|volume| {
        let own = at(volume, &["secret"]).and_then(|secret| text(secret, "secretName"));
        let projected = volume.get("projected").map(|projected| list(projected, "sources")).unwrap_or_default();
        own.into_iter().chain(projected.iter().filter_map(|source| text(at(source, &["secret"])?, "name")))
    });
    let containers = ["containers", "initContainers"].into_iter().flat_map(|key| list(spec, key));
    let environments = containers.flat_map(|container| {
        let one = list(container, "env").iter().filter_map(|one| at(one, &["valueFrom", "secretKeyRef"]));
        let all = list(container, "envFrom").iter().filter_map(|all| at(all, &["secretRef"]));
        one.chain(all).filter_map(|reference| text(reference, "name"))
    });
    volumes.chain(environments).map(std::borrow::Cow::into_owned)
}

/// Whether a volume projects a token that the API server itself accepts.
fn has_api_token(volume: &Value) -> bool {
    let Some(projected) = volume.get("projected") else { return false };
    let tokens = list(projected, "sources").iter().filter_map(|source| source.get("serviceAccountToken"));
    tokens
        .filter(|token| token.is_object())
        .any(|token| text(token, "audience").is_none_or(|audience| audience.contains("kubernetes.default.svc")))
}

/// A container with what its pod says for all.
struct Container<'v> {
    value: &'v Value,
    pod: &'v Value,
}

impl<'v> Container<'v> {
    fn setting(&self, key: &str) -> Option<&'v Value> {
        let own = at(self.value, &["securityContext", key]);
        own.or_else(|| at(self.pod, &["securityContext", key]))
    }

    fn privileged(&self) -> bool {
        at(self.value, &["securityContext", "privileged"]).and_then(Value::as_bool) == Some(true)
    }

    /// Whether the container has a capability: it is added by name, with all others, or comes with being privileged.
    fn can(&self, capability: &str) -> bool {
        let Some(added) = at(self.value, &["securityContext", "capabilities"]) else { return self.privileged() };
        let is = |one: &str| {
            let one = one.to_ascii_uppercase();
            let one = one.strip_prefix("CAP_").unwrap_or(&one);
            one == "ALL" || one == capability
        };
        self.privileged() || texts(added, "add").any(is)
    }

    /// Whether it runs as root: `None` when its image decides.
    fn root(&self) -> Option<bool> {
        match self.setting("runAsUser").and_then(Value::as_i64) {
            Some(user) => Some(user == 0),
            None if self.setting("runAsNonRoot").and_then(Value::as_bool) == Some(true) => Some(false),
            None => None,
        }
    }

    /// Whether it shares the host's users: root inside is root outside unless the pod has a user namespace.
    fn host_users(&self) -> bool {
        flag(self.pod, "hostUsers") != Some(false)
    }

    /// Paths of the node that it mounts, and whether it may write there.
    fn host_paths(&self) -> impl Iterator<Item = (String, bool)> + '_ {
        let path_of = |name: &str| {
            let volume = list(self.pod, "volumes").iter().find(|one| text(one, "name").as_deref() == Some(name))?;
            text(at(volume, &["hostPath"])?, "path").map(|path| normal(&path))
        };
        list(self.value, "volumeMounts").iter().filter_map(move |mount| {
            let path = path_of(&text(mount, "name")?)?;
            let below = text(mount, "subPath").map(|sub| format!("/{sub}")).unwrap_or_default();
            Some((normal(&format!("{path}{below}")), flag(mount, "readOnly") != Some(true)))
        })
    }
}

/// A path without double or trailing slashes and without `.`; `..` goes up.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a mounted path is one of these, is inside one, or holds one.
fn touches(path: &str, places: &[&str]) -> bool {
    let inside = |inner: &str, outer: &str| {
        outer == "/" || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    places.iter().any(|place| inside(path, place) || inside(place, path))
}

/// The ways out of the containers of a pod, each with `true` or what it hangs on; the surest of several containers.
fn escapes(spec: &Value) -> Vec<(&'static str, String)> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut found: Vec<(&'static str, String)> = lists
        .iter()
        .flat_map(|key| list(spec, key))
        .flat_map(|value| of_container(&Container { value, pod: spec }))
        .map(|(key, sure)| {
            let open = "unknown: whether its image runs as root is not in the export";
            (key, if sure { "true" } else { open }.to_owned())
        })
        .collect();
    found.sort();
    // `true` sorts before `unknown`.
    found.dedup_by_key(|(key, _)| *key);
    found
}

fn of_container(container: &Container<'_>) -> Vec<(&'static str, bool)> {
    let host = |key: &str| flag(container.pod, key) == Some(true);
    let root = container.root();
    let mut out = Vec::new();
    // A way that needs root: sure when it is, open when the image decides.
    let mut as_root = |key: &'static str, so: bool| {
        if so && root != Some(false) && container.host_users() {
            out.push((key, root == Some(true)));
        }
    };
    let (mut write, mut read, mut socket, mut log, mut core) = (false, false, false, false, false);
    for (path, writable) in container.host_paths() {
        let has_socket = touches(&path, SOCKETS);
        socket |= has_socket;
        log |= writable && touches(&path, &["/var/log"]);
        core |= writable && touches(&path, &["/proc/sys/kernel"]);
        let is_socket = SOCKETS.contains(&path.as_str());
        write |= writable && !is_socket && touches(&path, WRITE);
        read |= !is_socket && touches(&path, READ);
    }
    as_root("host_write", write);
    as_root("host_read", read);
    as_root("runtime_socket", socket);
    as_root("var_log", log);
    as_root("core_pattern", core);
    let users = container.host_users();
    as_root("module", !container.privileged() && container.can("SYS_MODULE"));
    as_root("sys_admin", !container.privileged() && container.can("SYS_ADMIN"));
    as_root("dac_read", !container.privileged() && container.can("DAC_READ_SEARCH"));
    as_root("ptrace", !container.privileged() && host("hostPID") && container.can("SYS_PTRACE"));
    if users && container.privileged() {
        out.push(("privileged", true));
        if host("hostPID") {
            out.push(("nsenter", true));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(spec: &Value) -> Vec<String> {
        let sure = |(key, value): (&str, String)| if value == "true" { key.to_owned() } else { format!("{key}?") };
        escapes(spec).into_iter().map(sure).collect()
    }

    #[test]
    fn ways_out_are_those_of_one_container() {
        let with = |own: Value| json!({"hostPID": true, "containers": [{"securityContext": own}]});
        assert_eq!(found(&with(json!({"privileged": true}))), ["nsenter", "privileged"]);
        assert_eq!(found(&with(json!({"capabilities": {"add": ["CAP_SYS_PTRACE"]}, "runAsUser": 0}))), ["ptrace"]);
        assert_eq!(found(&with(json!({"capabilities": {"add": ["SYS_PTRACE"]}}))), ["ptrace?"]);
        assert_eq!(found(&with(json!({"capabilities": {"add": ["SYS_PTRACE"]}, "runAsNonRoot": true}))), [""; 0]);
        let all = found(&with(json!({"capabilities": {"add": ["all"]}, "runAsUser": 0})));
        assert_eq!(all, ["dac_read", "module", "ptrace", "sys_admin"]);
        let apart =
            json!({"hostPID": false, "containers": [{"securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}}]});
        assert_eq!(found(&apart), [""; 0]);
        assert_eq!(
            found(&json!({"hostUsers": false, "containers": [{"securityContext": {"privileged": true}}]})),
            [""; 0]
        );
    }

    #[test]
    fn mounts_of_the_node_count_by_what_is_there() {
        let mount = |path: &str, only: bool, sub: &str| {
            found(&json!({
                "volumes": [{"name": "v", "hostPath": {"path": path}}, {"name": "unused", "hostPath": {"path": "/"}}],
                "securityContext": {"runAsUser": 0},
                "containers": [{"volumeMounts": [{"name": "v", "mountPath": "/x", "readOnly": only, "subPath": sub}]}],
            }))
        };
        assert_eq!(mount("/var/run/docker.sock", true, ""), ["runtime_socket"], "a socket is used by reading it");
        assert_eq!(mount("/var/run", false, ""), ["host_write", "runtime_socket"]);
        assert_eq!(mount("/", true, ""), ["host_read", "runtime_socket"]);
        assert_eq!(mount("/", false, "tmp"), [""; 0]);
        assert_eq!(mount("/var/log", false, ""), ["var_log"]);
        assert_eq!(mount("/var/log", true, ""), [""; 0]);
        assert_eq!(mount("/etc/cron.d/../kubernetes", true, ""), ["host_read"]);
        assert_eq!(mount("/etcetera", false, ""), [""; 0]);
        assert_eq!(mount("/proc/sys/kernel", false, ""), ["core_pattern", "host_read", "host_write"]);
    }

    #[test]
    fn secrets_are_given_as_files_and_in_the_environment() {
        let spec = json!({
            "volumes": [{"secret": {"secretName": "a"}}, {"projected": {"sources": [{"secret": {"name": "b"}}, {"configMap": {"name": "x"}}]}}],
            "containers": [{"env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "c", "key": "k"}}}]}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "d"}}, {"configMapRef": {"name": "y"}}]}],
            "imagePullSecrets": [{"name": "z"}],
        });
        assert_eq!(secrets(&spec).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_projected_token_counts_when_the_api_server_takes_it() {
        let volume = |audience: Value| json!({"projected": {"sources": [{"serviceAccountToken": {"path": "token", "audience": audience}}]}});
        assert!(has_api_token(&volume(Value::Null)));
        assert!(has_api_token(&volume(json!("https://kubernetes.default.svc"))));
        assert!(!has_api_token(&volume(json!("sts.amazonaws.com"))));
        assert!(!has_api_token(&json!({"secret": {"secretName": "x"}})));
    }
}
