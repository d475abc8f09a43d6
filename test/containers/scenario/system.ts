import type { Chapter } from './chapter.js';

export const SYSTEM: Chapter = {
  title: 'system and events',
  steps: [
    'docker version --format "{{.Server.Os}} {{.Server.Arch}}"; docker info --format "{{.Containers}} {{.ContainersRunning}} {{.OSType}} {{.Architecture}} {{.CgroupVersion}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}}"',
    'docker run -d --name seen --network none --label a=b box sleep 100; docker exec seen true; docker pause seen; docker unpause seen; docker rename seen saw; docker restart -t 0 saw; docker kill saw; docker wait saw; docker rm saw',
    'sleep 1; docker events --since 10m --until 0s --filter type=container --filter label=a --format "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.image}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.signal}}"',
    'docker network create wire >/dev/null; docker run --rm --network wire -v told:/d:ro box true; docker volume rm told; docker network rm wire; sleep 1; docker events --since 1m --until 0s --filter volume=told --format "{{.Type}} {{.Action}} {{json .Actor.Attributes}}"; docker events --since 1m --until 0s --filter network=wire --format "{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}"',
    'docker run --name seen --label a=c --network none box true; docker start -a seen; docker rm seen; sleep 1; docker events --since 1m --until 0s --filter label=a=c --format "{{.Action}} {{.Actor.Attributes.name}}"',
    'docker volume create data; docker run --name user -v data:/d --network none box sh -c "echo 12345 > /d/file; echo own > /own"; docker volume create idle; docker network create unused >/dev/null',
    'docker system df --format "{{.Type}} {{.TotalCount}} {{.Active}}" | grep -v Build; docker system df -v --format "{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}\n{{end}}{{range .Containers}}{{.Names}} {{.Size}}\n{{end}}" | sort',
    'docker inspect -s -f "{{.SizeRw}}" user; docker ps -as --format "{{.Size}}" | cut -d" " -f1; docker ps -as | head -n1',
    {
      line: 'docker system prune -f; docker system prune -f --volumes --filter until=1h; docker volume ls -q; docker network ls --format "{{.Name}}"; docker system prune -f --volumes | sort; docker volume ls -q',
      accepted: [
        {
          what: /^Deleted build cache objects:\n(.+\n)+\n/gm,
          why: 'docker 20 builds without a cache of its own',
        },
        { what: /Total reclaimed space: .*/g, why: 'with that of the cache' },
      ],
    },
    'docker volume prune -f; docker nosuch; docker run; docker rm',
  ],
};
