import { type Chapter, until, WORDS } from './chapter.js';

export const NETWORKS: Chapter = {
  title: 'networks, links and ports',
  steps: [
    'docker network ls; docker network ls --filter driver=host --format "{{.Name}} {{.Scope}}"; docker network create --subnet 10.77.0.0/24 --gateway 10.77.0.1 --label a=b lab | wc -c; docker network create lab',
    {
      line: 'docker network create --subnet 10.77.0.0/25 overlap; docker network connect lab nosuch',
      accepted: [WORDS],
    },
    {
      line: 'docker network inspect lab | grep -v Created; docker network inspect nosuch; docker network ls -q --filter label=a | wc -l',
      accepted: [{ what: /^\s*"EnableIPv4": true,\n/gm, why: 'said by later versions of the API' }],
    },
    'docker run -d --name web --network lab --ip 10.77.0.9 --network-alias www -p 8081:80 box sh -c "echo hi > /index.html; exec httpd -f -p 80 -h /"; docker run -d --name plain -e PASS=word --expose 5432 box sleep 100',
    `${until('wget -qO- http://127.0.0.1:8081')}; docker run --rm --network lab box sh -c "wget -qO- http://www; wget -qO- http://web"; docker run --rm --network container:web box wget -qO- http://127.0.0.1`,
    {
      line: 'docker run --name clash -p 8081:80 box true; docker inspect -f "{{.State.Status}}" clash; docker rm clash; docker run --rm --network nosuch box true',
      accepted: [WORDS],
    },
    'docker network connect --alias more lab plain; docker exec plain wget -qO- http://web; docker network inspect -f "{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}" lab | sort; docker inspect -f "{{range \\$k, \\$v := .NetworkSettings.Networks}}{{\\$k}} {{\\$v.IPAddress}} {{end}}" plain',
    { line: 'docker network rm lab; docker network connect lab plain', accepted: [WORDS] },
    'docker run -d --name named -h ship --network lab box sleep 100; docker run --rm --network container:named box sh -c "hostname; echo \\$HOSTNAME; cat /etc/hostname; wget -qO- http://www; grep -c ship /etc/hosts"; docker rm -f named',
    'docker run --rm --network host -p 8082:80 box true; docker run --rm --network container:web -h other box true; docker run --rm --network container:web --dns 10.0.0.1 box true',
    'docker network disconnect lab plain; docker exec plain ip -o link | wc -l; docker network rm nosuch; docker network rm bridge; docker network connect nosuch plain',
    'docker run --rm --name linked --link plain:store box sh -c "grep store /etc/hosts; env | grep ^STORE | sort"',
    'docker run -d --name any -P --expose 80 --expose 90/udp box sleep 100; docker port any | sed "s/:[0-9]*$//" | sort; docker rm -f web plain any; docker network prune -f; docker network ls --format "{{.Name}}"',
  ],
};
