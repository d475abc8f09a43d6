import { type Chapter, until, WORDS } from './chapter.js';

export const STREAMS: Chapter = {
  title: 'logs, exec, top and attach',
  steps: [
    'docker run -d --name talk --network none box sh -c "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; sleep 1; echo four; exec sleep 100"; ' +
      until('docker logs talk 2>/dev/null | grep -q four'),
    'docker logs talk; docker logs -n 1 talk; docker logs --tail 0 talk; docker logs --since 1h talk; docker logs -t --tail 1 talk; docker logs --details --tail 2 talk',
    '(docker logs -f talk; echo ended) & sleep 1; docker stop -t 0 talk >/dev/null; wait; docker start talk',
    'docker exec talk echo in; docker exec talk sh -c "exit 9"',
    {
      line: 'docker exec talk nosuch; echo $?; docker exec talk /etc; echo $?; docker exec -w /nosuch talk true; echo $?',
      accepted: [
        { what: /exec failed: .*\n/gi, why: 'docker 20 says it on the standard output' },
        { what: /^12[67]\n/gm, why: 'docker 20 says 126 of a command that there is not' },
      ],
    },
    `echo input | docker exec -i talk cat; docker exec -d talk touch /mark; ${until('docker exec talk ls /mark 2>/dev/null')}`,
    'docker exec -w /tmp -e A=b -u daemon talk sh -c "pwd; env | sort; id"; echo tty | script -qec "docker exec -it talk sh -c \'read a; tty\'" /dev/null | grep -o /dev/pts/0',
    until('! docker top talk | grep -q "sh -c"') +
      '; docker top talk | sed "s/ \\+/ /g" | cut -d" " -f1,8-; docker top talk -o pid,comm | sed "s/[0-9]\\+/N/"',
    { line: 'docker top talk -o nosuch; docker rm -f talk', accepted: [WORDS] },
    'docker run -d -i --name ask --network none box sh -c "read a; echo got \\$a; exit 6"; echo hello | docker attach ask >/dev/null; docker wait ask; docker logs ask; docker rm ask',
    'docker run -d --log-driver none --name quiet --network none box echo hi; docker wait quiet; docker logs quiet; docker inspect -f "{{json .HostConfig.LogConfig}}" quiet; docker rm quiet',
  ],
};
