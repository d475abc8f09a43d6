import type { CgroupSupport } from './cgroup-support.js';
import { findCpuSet } from './cpu-set.js';
import { InvalidLimitError, type LimitsHostConfig } from './limit-config.js';

const MIN_MEMORY_BYTES = 6 * 1024 * 1024;
const NANO = 1e9;

/**
 * Docker's own rules, in docker's words, and what this machine cannot give, with the reason: where docker warns and goes on
 * without the limit, this refuses. @param config as of adaptedLimits. @throws {InvalidLimitError}
 */
export function checkLimits(config: LimitsHostConfig, support: CgroupSupport): void {
  for (const check of [checkMemory, checkOom, checkCpu, checkSets, checkPids, checkIo])
    check(config, support);
}

function checkMemory(config: LimitsHostConfig, support: CgroupSupport): void {
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0 } = config;
  if (Memory !== 0 && Memory < MIN_MEMORY_BYTES) refuse('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory)
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (Memory === 0 && MemorySwap > 0)
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (MemoryReservation !== 0 && MemoryReservation < MIN_MEMORY_BYTES)
    refuse('Minimum memory reservation allowed is 6MB');
  if (Memory > 0 && MemoryReservation > Memory)
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  if (Memory > 0 || MemoryReservation > 0) need(support, 'memory', 'memory');
  const isSwapChosen = MemorySwap > 0 && MemorySwap !== Memory * 2;
  if (isSwapChosen && !support.hasSwap)
    refuse('swap cannot be limited: this kernel does not count it (start it with swapaccount=1)');
}

function checkOom(config: LimitsHostConfig, { hasOomControl, hasSwappiness }: CgroupSupport): void {
  const { MemorySwappiness, OomKillDisable } = config;
  if (MemorySwappiness != null && (MemorySwappiness < 0 || MemorySwappiness > 100))
    refuse(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  if (MemorySwappiness != null && !hasSwappiness)
    refuse('memory swappiness cannot be set: only cgroup v1 has it, and it is not here');
  if (OomKillDisable === true && !hasOomControl)
    refuse('the OOM killer cannot be disabled: only cgroup v1 can do that, and it is not here');
}

function checkCpu(config: LimitsHostConfig, support: CgroupSupport): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpuShares = 0 } = config;
  if (NanoCpus > 0 && CpuPeriod > 0)
    refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus > 0 && CpuQuota > 0) refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  const count = findCpuSet(support.cpus)?.size ?? 1;
  if (NanoCpus < 0 || NanoCpus > count * NANO)
    refuse(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (CpuQuota > 0 && CpuQuota < 1000) refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (CpuShares < 0) refuse(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  if (NanoCpus > 0 || CpuPeriod > 0 || CpuQuota > 0 || CpuShares > 0) need(support, 'cpu', 'processor time');
}

function checkSets({ CpusetCpus = '', CpusetMems = '' }: LimitsHostConfig, support: CgroupSupport): void {
  if (CpusetCpus !== '' || CpusetMems !== '') need(support, 'cpuset', 'processors and memory nodes');
  checkSet(CpusetCpus, support.cpus, { set: 'cpuset cpus', members: 'CPUs' });
  checkSet(CpusetMems, support.mems, { set: 'cpuset mems', members: 'memory nodes' });
}

function checkSet(wanted: string, available: string, names: { set: string; members: string }): void {
  if (wanted === '') return;
  const set = findCpuSet(wanted);
  if (set === undefined) refuse(`Invalid value ${wanted} for ${names.set}`);
  const there = findCpuSet(available);
  if ([...set].some((member) => there?.has(member) !== true))
    refuse(`Requested ${names.members} are not available - requested ${wanted}, available: ${available}`);
}

function checkPids({ PidsLimit }: LimitsHostConfig, support: CgroupSupport): void {
  if (PidsLimit != null && PidsLimit > 0) need(support, 'pids', 'the number of processes');
}

function checkIo(config: LimitsHostConfig, support: CgroupSupport): void {
  const { BlkioWeight = 0, BlkioWeightDevice } = config;
  if (BlkioWeight !== 0 && (BlkioWeight < 10 || BlkioWeight > 1000))
    refuse('Range of blkio weight is from 10 to 1000');
  if ((BlkioWeight > 0 || (BlkioWeightDevice?.length ?? 0) > 0) && !support.hasIoWeight)
    refuse(
      'disks cannot be shared by weight: no disk here has the scheduler bfq (echo bfq > /sys/block/DISK/queue/scheduler)',
    );
  const rates = [
    config.BlkioDeviceReadBps,
    config.BlkioDeviceWriteBps,
    config.BlkioDeviceReadIOps,
    config.BlkioDeviceWriteIOps,
  ].flatMap((list) => list ?? []);
  if (rates.length > 0) need(support, 'io', 'reading and writing of devices');
  const wrong = rates.find(({ Rate }) => !(Rate > 0));
  if (wrong) refuse(`invalid rate for device ${wrong.Path}: ${wrong.Rate}; it must be a positive number`);
}

function need(
  { version, controllers, isOfUser = false }: CgroupSupport,
  controller: string,
  what: string,
): void {
  if (controllers.has(controller)) return;
  if (version === 'none')
    refuse(
      `cannot limit ${what}: this process may not make cgroups (they are read-only, or not delegated to this user)`,
    );
  if (isOfUser)
    refuse(
      `cannot limit ${what}: this machine's systemd does not give users the cgroup controller ${controller}; an ` +
        'administrator can change that with systemctl edit user@.service: [Service] Delegate=cpu cpuset io memory pids',
    );
  refuse(`cannot limit ${what}: the kernel gives no cgroup controller ${controller} here`);
}

function refuse(message: string): never {
  throw new InvalidLimitError(message);
}
