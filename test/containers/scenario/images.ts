import { type Chapter, WORDS } from './chapter.js';

export const IMAGES: Chapter = {
  title: 'images and registries',
  steps: [
    {
      line: 'docker images --filter reference=box; docker history box; docker history --no-trunc --format "{{.CreatedBy}}|{{.Comment}}" box',
      accepted: [{ what: /\d[.\d]+MB/g, why: 'a layer counts with its tar, as it is kept' }],
    },
    'docker tag box other:1; docker tag box "Bad:name"; docker images --format "{{.Repository}}:{{.Tag}}" | sort; docker image inspect -f "{{.Id}} {{json .RootFS}} {{.Config.Cmd}}" box',
    'docker save box other:1 -o box.tar; docker rmi other:1; docker load -i box.tar | sort; docker load -q < box.tar | sort; docker run --rm --network none other:1 echo loaded; docker rmi other:1',
    'printf "FROM box\\nRUN echo built > /built\\nCMD cat /built\\n" > Dockerfile; docker build -q -t built . | cut -c1-7; docker run --rm --network none built',
    {
      line: 'docker run -d --name on --network none built sleep 100; docker rmi built',
      accepted: [WORDS],
    },
    'docker rmi -f built | cut -d: -f1,2; docker exec on cat /built; docker images -qf dangling=true | wc -l; docker rm -f on; docker image prune -f | tail -n1 | cut -d: -f1; docker images -q | wc -l',
    {
      line: 'docker rmi nosuch; docker tag nosuch other; docker history nosuch; docker pull localhost:5000/team/app; echo wrong | docker login -u student --password-stdin localhost:5000',
      accepted: [WORDS],
    },
    'echo secret | docker login -u student --password-stdin localhost:5000 2>&1 | grep Succeeded',
    'docker tag box localhost:5000/team/app:1; docker push localhost:5000/team/app:1 | tail -n1 | cut -d: -f1-3; docker rmi localhost:5000/team/app:1; docker pull -q localhost:5000/team/app:1; docker pull localhost:5000/team/app:1 | tail -n2 | cut -d: -f1',
    { line: 'docker pull localhost:5000/team/app:2', accepted: [WORDS] },
    'docker rmi localhost:5000/team/app:1; docker logout localhost:5000; docker image prune -f | tail -n1 | cut -d: -f1',
  ],
};
