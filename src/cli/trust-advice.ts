import { isIPv6 } from 'node:net';
import type { TlsFolder } from './certificates.js';

/** The lines of config.yml that serve with the certificate. */
export function configAdvice({ certificate, key }: TlsFolder, port: number): string {
  return `http:
  addr: :${port}
  tls:
    certificate: ${scalar(certificate)}
    key: ${scalar(key)}
`;
}

/** A path as YAML reads it back. */
function scalar(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : JSON.stringify(path);
}

/**
 * Commands that make the clients of a machine trust the authority, to be run as root beside a copy of ca.crt.
 * @param port 443 is left out of the names of folders, as clients leave it out of the names of registries.
 */
export function trustAdvice(host: string, port: number): string {
  const authority = (isIPv6(host) ? `[${host}]` : host) + (port === 443 ? '' : `:${port}`);
  return `# Docker; no restart is needed
mkdir -p '/etc/docker/certs.d/${authority}'
cp ca.crt '/etc/docker/certs.d/${authority}/ca.crt'

# Podman, Skopeo, Buildah, CRI-O
mkdir -p '/etc/containers/certs.d/${authority}'
cp ca.crt '/etc/containers/certs.d/${authority}/ca.crt'

# containerd, nerdctl. For Kubernetes, config_path = "/etc/containerd/certs.d" must also
# stand in the registry section of the CRI plugin in /etc/containerd/config.toml
mkdir -p '/etc/containerd/certs.d/${authority}'
cp ca.crt '/etc/containerd/certs.d/${authority}/ca.crt'
cat > '/etc/containerd/certs.d/${authority}/hosts.toml' <<'END'
server = "https://${authority}"
[host."https://${authority}"]
  ca = "/etc/containerd/certs.d/${authority}/ca.crt"
END

# k3s: add to /etc/rancher/k3s/registries.yaml, then restart k3s
#   configs:
#     "${authority}":
#       tls:
#         ca_file: /etc/rancher/k3s/berth-ca.crt
cp ca.crt /etc/rancher/k3s/berth-ca.crt

# docker buildx with a builder of its own: docker buildx create --use --buildkitd-config buildkitd.toml
#   [registry."${authority}"]
#     ca = ["/path/to/ca.crt"]

# The whole system (Debian, Ubuntu): curl, git, browsers that use its store, and Docker after a restart
cp ca.crt /usr/local/share/ca-certificates/berth-ca.crt
update-ca-certificates

# The whole system (Fedora, RHEL)
cp ca.crt /etc/pki/ca-trust/source/anchors/berth-ca.crt
update-ca-trust
`;
}
