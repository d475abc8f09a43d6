import type { Chapter } from './chapter.js';

export const VOLUMES: Chapter = {
  title: 'volumes',
  steps: [
    'docker volume create kept; docker volume create kept; docker volume create "bad name"; docker volume create --label a=b labelled; docker volume ls; docker volume ls -q --filter label=a; docker volume ls -q --filter dangling=true',
    'docker volume inspect labelled | grep -v Mountpoint; docker volume inspect nosuch; docker volume inspect -f "{{.Name}} {{.Driver}} {{.Scope}}" kept',
    'docker run --rm --network none -v kept:/data box sh -c "echo saved > /data/file"; docker run --rm --network none -v kept:/data:ro box sh -c "cat /data/file; touch /data/x"',
    'mkdir -p bound; echo host > bound/file; docker run --rm --network none -v "$PWD/bound:/b" -v "$PWD/made/here:/m" --mount type=tmpfs,dst=/t box sh -c "cat /b/file; echo guest > /b/new; mount | grep -c \' /t \'"; cat bound/new; ls -d made/here',
    'docker run --rm --network none --mount type=bind,src=/nosuch,dst=/m box true',
    'docker run -d --name holder --network none -v kept:/data -v /anonymous -v "$PWD/bound:/b:ro" box sleep 100; docker inspect -f "{{range .Mounts}}{{.Type}} {{.Destination}} {{.Mode}} {{.RW}} {{.Propagation}} {{.Driver}}\n{{end}}" holder | sort; docker inspect -f "{{json .Config.Volumes}}" holder',
    'docker ps --format "{{.Mounts}}" | tr , "\\n" | wc -l; docker ps -a --filter volume=kept --filter volume=/other --format "{{.Names}}"; docker run --rm --network none --volumes-from holder:ro box sh -c "cat /data/file; touch /data/y"',
    'docker volume rm kept; docker volume rm nosuch; docker volume rm -f nosuch; docker rm -fv holder; docker volume ls -q | sort; docker volume rm kept labelled',
  ],
};
