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

# Firefox: Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import, or for all
# users of the machine
mkdir -p /etc/firefox/policies /usr/local/share/berth
cp ca.crt /usr/local/share/berth/ca.crt
[ -e /etc/firefox/policies/policies.json ] ||
  echo '{"policies":{"Certificates":{"Install":["/usr/local/share/berth/ca.crt"]}}}' > /etc/firefox/policies/policies.json

# Chrome, Chromium, Edge on Linux: as each user, not as root (certutil is in libnss3-tools or nss-tools)
#   mkdir -p ~/.pki/nssdb
#   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n berth -i ca.crt
# on macOS and Windows they use the store of the system:
#   security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.crt
#   certutil -addstore Root ca.crt

# The whole system (Debian, Ubuntu): curl, git, and Docker after a restart
cp ca.crt /usr/local/share/ca-certificates/berth-ca.crt
update-ca-certificates

# The whole system (Fedora, RHEL)
cp ca.crt /etc/pki/ca-trust/source/anchors/berth-ca.crt
update-ca-trust
`;
}
