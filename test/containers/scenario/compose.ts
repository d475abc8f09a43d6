import { type Chapter, until } from './chapter.js';

const FILE = `
services:
  web:
    image: box
    command: sh -c "echo served > /site/index.html; exec httpd -f -p 80 -h /site"
    volumes: [site:/site]
    networks: [front]
    ports: ["8090:80"]
    healthcheck: { test: wget -qO- http://127.0.0.1, interval: 1s }
  client:
    image: box
    command: sh -c "echo ready; exec sleep 1000"
    depends_on: { web: { condition: service_healthy } }
    healthcheck: { test: [CMD, wget, -q, -O, "-", "http://web"], interval: 1s }
    networks: [front]
volumes: { site: {} }
networks: { front: {} }
`;
const HEALTHY = '$(docker ps -q --filter health=healthy | wc -l)';

/** Two services with a network, a volume and health checks; one waits for the other to be healthy. */
export const COMPOSE: Chapter = {
  title: 'compose',
  steps: [
    `cat > compose.yaml <<'END'${FILE}END
docker-compose -p pair -f compose.yaml up -d 2>/dev/null`,
    `${until(`test ${HEALTHY} = 2`)}; docker ps --format "{{.Names}} {{.Status}} {{.Networks}} {{.Mounts}}" | sort; docker volume ls -q; docker network ls --filter name=pair --format "{{.Name}} {{.Driver}}"`,
    'docker inspect -f "{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{(index .State.Health.Log 0).ExitCode}} {{json .Config.Healthcheck}}" pair_web_1; docker port pair_web_1',
    'wget -qO- http://127.0.0.1:8090; docker exec pair_client_1 wget -qO- http://web; docker logs pair_client_1; docker-compose -p pair -f compose.yaml ps | grep -v -e ---',
    'docker-compose -p pair -f compose.yaml down -t 0 -v 2>/dev/null; docker ps -aq; docker volume ls -q; docker network ls -q --filter name=pair',
  ],
};
