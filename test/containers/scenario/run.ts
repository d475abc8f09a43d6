import { type Chapter, WORDS } from './chapter.js';

export const RUN: Chapter = {
  title: 'run',
  steps: [
    'docker run --rm box sh -c "echo out; echo err >&2; exit 7"',
    'echo typed | docker run --rm -i --network none box cat',
    'printf "echo \\$((4200+42))\\nexit 3\\n" | script -qec "docker run --rm -it --network none box sh" typed >/dev/null; echo $?; grep -o 4242 typed',
    'docker run --rm --network none box nosuch; echo $?; docker run --rm --network none box /etc',
    'docker run --rm --name "bad name" box; docker run --rm --nosuch box; docker run --rm -p 99999:1 box; docker run --rm -m 1m box',
    { line: 'docker run --rm -v relative:/x:bad box true', accepted: [WORDS] },
    'echo C=d > env; docker run --rm -w /tmp -e A=b --env-file env --hostname host --add-host db:10.1.2.3 --dns 10.9.8.7 --dns-search example.test --entrypoint sh box -c "pwd; env | sort; hostname; cat /etc/hostname; grep db /etc/hosts; sort /etc/resolv.conf"',
    'docker run --rm --network none --read-only --tmpfs /scratch:size=1m --shm-size 1m --ulimit nofile=512:512 --cap-drop ALL --cap-add CHOWN box sh -c "touch /x; df -k /scratch /dev/shm; ip -o link; ulimit -n; grep Cap /proc/self/status"',
    {
      line: 'docker run --rm --network none box sh -c "grep Cap /proc/self/status; ls -l /dev | cut -c1-10,57-; mount | cut -d\' \' -f3,5 | sort"',
      accepted: [{ what: /\/proc\/interrupts tmpfs\n/g, why: 'hidden, as by later daemons of docker' }],
    },
    'docker run --rm --network none -u daemon box id; docker run --rm --network none -u 12:34 box id',
    { line: 'docker run --rm -u nobody box', accepted: [WORDS] },
  ],
};
