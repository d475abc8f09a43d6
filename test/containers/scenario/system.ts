import type { Chapter } from './chapter.js';

export const SYSTEM: Chapter = {
  title: 'system and events',
  steps: [
    'docker version --format "{{.Server.Os}} {{.Server.Arch}}"; docker info --format "{{.Containers}} {{.ContainersRunning}} {{.OSType}} {{.Architecture}} {{.CgroupVersion}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}}"',
    'docker run -d --name seen --label a=b box sleep 100; docker exec seen true; docker pause seen; docker unpause seen; docker rename seen saw; docker restart -t 0 saw; docker kill saw; docker wait saw; docker rm saw',
    'sleep 1; docker events --since 60s --until 0s --filter type=container --filter label=a --format "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.image}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.signal}}"',
    'docker system df --format "{{.Type}} {{.TotalCount}} {{.Active}}" | grep -v Build; docker volume prune -f; docker nosuch; docker run; docker rm',
  ],
};
