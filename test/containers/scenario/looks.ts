import { type Chapter, EMPTY, WORDS } from './chapter.js';

export const LOOKS: Chapter = {
  title: 'ps, inspect, port and rename',
  steps: [
    'docker ps; docker create --name made --label tier=web box echo hi; docker run --name done --network none box sh -c "exit 3"',
    'docker run -d --name runs --label tier=db --restart unless-stopped -p 8080:80 -p 127.0.0.1:5353:53/udp box sleep 1000',
    'docker ps; docker ps -a; docker ps -aq | wc -l; docker ps -q --no-trunc | tr -d "\\n" | wc -c; docker ps -l --format "{{.Names}}"',
    'docker ps -a --format "{{.Names}}|{{.Command}}|{{.CreatedAt}}|{{.RunningFor}}|{{.State}}|{{.Labels}}|{{.Label \\"tier\\"}}|{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}"',
    'for f in status=exited exited=3 name=run ancestor=box label=tier=db before=done since=made publish=8080 publish=5353/udp expose=80 network=bridge network=other; do echo $f: $(docker ps -a --filter $f --format "{{.Names}}" | sort); done',
    { line: 'docker ps --filter nosuch=1; docker ps --filter status=odd', accepted: [WORDS] },
    { line: 'docker inspect -f "{{json .Config}}" runs', accepted: [EMPTY] },
    {
      line: 'docker inspect -f "{{json .HostConfig}}" runs',
      accepted: [
        EMPTY,
        { what: /,"Runtime":"runc"/g, why: 'Berth takes crun or runc, whichever is there' },
        { what: /"CgroupnsMode":"\w*",/g, why: 'follows the version of cgroups, and cannot be chosen' },
        { what: /,"(MaskedPaths|ReadonlyPaths)":(\[[^\]]*\])?/g, why: 'not shown' },
      ],
    },
    'docker inspect -f "{{json .State}}" done; docker inspect -f "{{.Path}} {{json .Args}} {{.Name}} {{.RestartCount}} {{.Platform}} {{json .Mounts}}" runs',
    {
      line: 'docker inspect -f "{{json .NetworkSettings}}" runs',
      accepted: [{ what: /"SandboxKey":"[^"]*"/g, why: 'namespaces of the network have paths of their own' }],
    },
    'docker inspect -f "{{.NoSuch}}" runs; docker inspect nosuch; docker container inspect nosuch',
    'docker port runs; docker port runs 80; docker port runs 53/udp; docker port runs 81; docker port nosuch',
    {
      line: 'docker rename runs ran; docker ps --format "{{.Names}}"; docker rename done ran; docker rename nosuch other; docker rename ran "bad name"',
      accepted: [
        {
          what: /Error when allocating new name: |\(\/?(?=bad)/gi,
          why: 'said by docker 20 before the reason',
        },
      ],
    },
    { line: 'docker rm ran', accepted: [WORDS] },
    'docker rm nosuch; docker rm -f nosuch; docker rm made done; docker rm -f ran; docker create --name twice box; docker create --name twice box; docker rm twice',
  ],
};
