import { type Chapter, WORDS } from './chapter.js';

/** In each version of cgroups. */
const CGROUP =
  'cat memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us pids/pids.max cpuset/cpuset.cpus blkio/blkio.throttle.write_bps_device || ' +
  'cat memory.max cpu.max pids.max cpuset.cpus io.max';

export const LIMITS: Chapter = {
  title: 'limits',
  steps: [
    `disk=$(cd /dev && find $(ls /sys/block) -maxdepth 0 2>/dev/null | head -n1); docker run -d --name lim --network none -m 64m --memory-swap 128m --memory-reservation 32m -c 512 --cpus 0.5 --pids-limit 50 --cpuset-cpus 0 \${disk:+--device-write-bps /dev/$disk:1mb} box sleep 100`,
    'docker inspect -f "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.CpuShares}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpusetCpus}} {{json .HostConfig.BlkioDeviceWriteBps}}" lim',
    `docker exec lim sh -c "cd /sys/fs/cgroup; ${CGROUP}" 2>/dev/null`,
    'docker update -m 96m --memory-swap 192m -c 256 --restart on-failure:2 lim; docker inspect -f "{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{.HostConfig.RestartPolicy}}" lim',
    'docker stats --no-stream --format "{{.Name}} {{.MemUsage}} {{.PIDs}}" lim | sed "s/ .* \\// X \\//"; docker stats --no-stream nosuch',
    'docker update -m 1 lim; docker update -m 64m nosuch; docker rm -f lim',
    {
      line: 'docker run --rm --network none --device-write-bps /dev/nosuch:1mb box true || echo refused',
      accepted: [WORDS],
    },
  ],
};
