import type { Chapter } from './chapter.js';

/** Docker leaves them in what the container has written; Berth has them beside it. */
const MOUNT_POINTS = '-e " bin/" -e " dev/" -e " etc/[hmr]" -e .dockerenv';
/** Of an image that has just been made. */
const ITS_ID = 'cut -c1-7';

export const FILES: Chapter = {
  title: 'diff, cp, commit, export and import',
  steps: [
    'docker run --name work --network none box sh -c "echo new > /made; chmod 600 /made; mkdir /dir; echo a > /dir/a; ln -s a /dir/link; chown 1:1 /dir/a; rm /etc/group; echo more >> /etc/passwd"; docker diff work | sort; docker diff nosuch',
    'docker cp work:/dir got; ls -l got | cut -c1-10,42- ; cat got/a; docker cp work:/made - | tar --numeric-owner -tv | cut -c1-14,39-; docker cp -L work:/dir/link - | tar -t',
    'echo host > sent; docker cp sent work:/dir/b; docker cp got work:/; docker cp got work:/new; tar -c sent | docker cp - work:/dir; docker diff work | grep -e got -e new -e dir | sort',
    {
      line: 'docker cp work:/nosuch .; docker cp nosuch:/x .; docker cp nosuch work:/; docker cp sent work:/nosuch/; docker cp got work:/made; docker cp sent nosuch:/; docker cp work:/made nosuch/here; docker cp work:/made work:/x',
      accepted: [{ what: /^time=.*\n/gm, why: "the client's, who may be packing when it gives up" }],
    },
    `docker commit -m kept -a me -c "CMD cat /made" -c "ENV A=b" work mine | ${ITS_ID}; docker run --rm --network none mine; docker history --format "{{.CreatedBy}}|{{.Comment}}" mine; docker inspect -f "{{.Author}} {{json .Config.Cmd}} {{json .Config.Env}} {{len .RootFS.Layers}}" mine; docker commit nosuch`,
    `docker export work | tar --numeric-owner -tv | grep -v ${MOUNT_POINTS} | sed "s/ .*:.. / /" | sort; docker export nosuch | wc -c; docker export -o work.tar work; ls -l work.tar | cut -c1-10`,
    `docker import -m note -c "ENV A=b" work.tar flat | ${ITS_ID}; cat work.tar | docker import - flat:2 | ${ITS_ID}; docker run --rm --network none flat sh -c "ls -l /dir /made | cut -c1-34,56-; cat /dir/a; echo \\$A"; docker history --format "{{.CreatedBy}}|{{.Comment}}" flat; docker import nosuch.tar flat`,
    'docker rm work; docker rmi mine flat flat:2 | cut -d: -f1',
  ],
};
