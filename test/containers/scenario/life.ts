import { type Chapter, until } from './chapter.js';

export const LIFE: Chapter = {
  title: 'life',
  steps: [
    'docker create --name box1 --network none box sh -c "trap \\"exit 5\\" TERM; echo up; while :; do sleep 0.1; done"; docker start box1; docker start box1; ' +
      `${until('docker logs box1 | grep -q up')}; docker logs box1`,
    {
      line: 'docker pause box1; docker ps --format "{{.Status}}"; docker pause box1; docker exec box1 true; docker unpause box1; docker unpause box1',
      accepted: [{ what: /(?<=container )\w+(?= is paused, unpause)/gi, why: 'said by its id' }],
    },
    'docker stop -t 5 box1; docker inspect -f "{{.State.Status}} {{.State.ExitCode}}" box1; docker stop box1; docker kill box1',
    'docker pause box1; docker exec box1 true; docker top box1; docker attach box1',
    'docker restart -t 1 box1; docker kill box1; docker wait box1; docker rm box1',
    'docker start nosuch; docker stop nosuch; docker restart nosuch; docker wait nosuch; docker pause nosuch; docker logs nosuch; docker exec nosuch true; docker top nosuch; docker attach nosuch',
    {
      line: 'docker kill nosuch',
      accepted: [{ what: /Cannot kill container: nosuch: /gi, why: 'said twice' }],
    },
    `docker run -d --name again --network none --restart on-failure:2 box sh -c "exit 4"; ${until('test "$(docker inspect -f "{{.RestartCount}} {{.State.Status}}" again)" = "2 exited"')}; docker inspect -f "{{.RestartCount}} {{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}}" again`,
    'docker run -d --rm --restart always box true; docker container prune -f; docker create --name idle box; docker container prune -f --filter label=x; docker rm idle',
  ],
};
