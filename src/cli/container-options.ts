import { type Command, InvalidArgumentError, Option } from 'commander';
import { addStoreOptions, type StoreFlags } from './image-store.js';
import { OptionAlias } from './option-alias.js';
import { addRegistryOptions, type RegistryFlags } from './registry-options.js';
import { collect } from './repeated-option.js';

/** The flags of `berth run` and `berth create`, as the command line has them. */
export type ContainerFlags = StoreFlags &
  RegistryFlags &
  Readonly<{
    name?: string;
    attach: readonly string[];
    interactive?: boolean;
    tty?: boolean;
    env: readonly string[];
    envFile: readonly string[];
    annotation: readonly string[];
    label: readonly string[];
    labelFile: readonly string[];
    workdir?: string;
    user?: string;
    groupAdd: readonly string[];
    entrypoint?: string;
    hostname?: string;
    domainname?: string;
    init?: boolean;
    rm?: boolean;
    restart?: string;
    stopSignal?: string;
    stopTimeout?: number;
    readOnly?: boolean;
    volume: readonly string[];
    mount: readonly string[];
    tmpfs: readonly string[];
    volumesFrom: readonly string[];
    network: readonly string[];
    networkAlias: readonly string[];
    ip?: string;
    ip6?: string;
    macAddress?: string;
    link: readonly string[];
    publish: readonly string[];
    publishAll?: boolean;
    expose: readonly string[];
    dns: readonly string[];
    dnsSearch: readonly string[];
    dnsOption: readonly string[];
    addHost: readonly string[];
    capAdd: readonly string[];
    capDrop: readonly string[];
    privileged?: boolean;
    securityOpt: readonly string[];
    device: readonly string[];
    deviceCgroupRule: readonly string[];
    pid?: string;
    ipc?: string;
    uts?: string;
    userns?: string;
    cgroupns?: string;
    cgroupParent?: string;
    sysctl: readonly string[];
    ulimit: readonly string[];
    shmSize?: string;
    memory?: string;
    memorySwap?: string;
    memoryReservation?: string;
    memorySwappiness?: number;
    oomKillDisable?: boolean;
    oomScoreAdj?: number;
    cpuShares?: number;
    cpus?: string;
    cpuPeriod?: number;
    cpuQuota?: number;
    cpusetCpus?: string;
    cpusetMems?: string;
    pidsLimit?: number;
    blkioWeight?: number;
    blkioWeightDevice: readonly string[];
    deviceReadBps: readonly string[];
    deviceWriteBps: readonly string[];
    deviceReadIops: readonly string[];
    deviceWriteIops: readonly string[];
    runtime?: string;
    storageOpt: readonly string[];
    volumeDriver?: string;
    gpus?: string;
    isolation?: string;
    healthCmd?: string;
    healthInterval?: string;
    healthTimeout?: string;
    healthStartPeriod?: string;
    healthStartInterval?: string;
    healthRetries?: number;
    /** `--no-healthcheck` makes it false. */
    healthcheck?: boolean;
    logDriver?: string;
    logOpt: readonly string[];
    pull: 'always' | 'missing' | 'never';
    quiet?: boolean;
    platform?: string;
    cidfile?: string;
  }>;

/** What a container is to be: docker's flags, for every command that makes one. */
export function addContainerOptions(command: Command): Command {
  addProcessOptions(command);
  addNetworkOptions(command);
  addVolumeOptions(command);
  addLimitOptions(command);
  addSecurityOptions(command);
  addHealthOptions(command);
  command
    .option('--log-driver <driver>', 'json-file, journald, syslog, or none')
    .option(
      '--log-opt <option>',
      'of the log: max-size=10m, max-file=3, syslog-address=udp://HOST:514',
      collect,
      [],
    )
    .addOption(
      new Option('--pull <policy>', 'when to ask the registry for the image')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('--platform <platform>', 'which image of an index')
    .option('-q, --quiet', 'nothing about the pull')
    .option('--cidfile <file>', 'write the id here')
    .addOption(new Option('--isolation <technology>', 'of docker').hideHelp())
    .addOption(new Option('--runtime <name>', 'of docker').hideHelp())
    .addOption(new Option('--storage-opt <option>', 'of docker').argParser(collect).default([]).hideHelp())
    .addOption(new Option('--volume-driver <driver>', 'of docker').hideHelp())
    .addOption(new Option('--gpus <devices>', 'of docker').hideHelp())
    .addOption(new Option('--disable-content-trust', 'of docker').hideHelp());
  return addRegistryOptions(addStoreOptions(command));
}

function addProcessOptions(command: Command): void {
  command
    .option('--name <name>', 'what it is called; else a name is made up')
    .option('-a, --attach <stream>', 'stdin, stdout, stderr', collect, [])
    .option('-i, --interactive', 'its input is kept open, and yours goes to it')
    .option('-t, --tty', 'it has a terminal')
    .option('-e, --env <variable>', 'NAME=value; NAME alone takes yours', collect, [])
    .option('--env-file <file>', 'variables, one on each line', collect, [])
    .option('-l, --label <label>', 'name=value', collect, [])
    .option('--annotation <annotation>', 'name=value, for the program that makes it', collect, [])
    .option('--label-file <file>', 'labels, one on each line', collect, [])
    .option('-w, --workdir <directory>', 'where its command starts')
    .option('-u, --user <user>', 'user[:group], names or numbers')
    .option('--group-add <group>', 'another group of its user', collect, [])
    .option('--entrypoint <program>', "instead of the image's")
    .option('-h, --hostname <name>', 'its host name; else the beginning of its id')
    .option('--domainname <name>', 'its domain')
    .option('--init', 'a first process that forwards signals and reaps')
    .option('--rm', 'remove it when it has ended')
    .option('--restart <policy>', 'no, always, unless-stopped, on-failure[:count]')
    .option('--stop-signal <signal>', 'asks it to end')
    .option('--stop-timeout <seconds>', 'how long it may take to end', wholeNumber)
    .helpOption('--help', 'display help for command');
}

function addNetworkOptions(command: Command): void {
  command
    .option('--network <network>', 'bridge, none, host, container:NAME, or a network', collect, [])
    .addOption(new OptionAlias('--net <network>', 'network').argParser(collect))
    .option('--network-alias <name>', 'another name of it in its network', collect, [])
    .addOption(new OptionAlias('--net-alias <name>', 'networkAlias').argParser(collect))
    .option('--ip <address>', 'its address in its network')
    .option('--ip6 <address>', 'its address of IPv6 there')
    .option('--mac-address <address>', 'of its interface')
    .option('--link <container>', 'NAME[:ALIAS] of a container that it is to know', collect, [])
    .option(
      '-p, --publish <ports>',
      '[[address:]port:]port[/protocol] of the host for one of it',
      collect,
      [],
    )
    .option('-P, --publish-all', 'ports of the host for all that its image exposes')
    .option('--expose <port>', 'a port beside those of the image', collect, [])
    .option('--dns <address>', 'a name server', collect, [])
    .option('--dns-search <domain>', 'where short names are looked for', collect, [])
    .option('--dns-option <option>', 'of resolv.conf', collect, [])
    .option('--add-host <host>', 'NAME:ADDRESS for its /etc/hosts', collect, []);
}

function addVolumeOptions(command: Command): void {
  command
    .option('-v, --volume <volume>', '[SOURCE:]TARGET[:OPTIONS], a directory or a volume', collect, [])
    .option('--mount <mount>', 'type=bind|volume|tmpfs,source=…,target=…', collect, [])
    .option('--tmpfs <directory>', 'a file system in memory: TARGET[:OPTIONS]', collect, [])
    .option('--volumes-from <container>', 'the volumes of another one', collect, [])
    .option('--read-only', 'its root filesystem cannot be changed');
}

/** Limits that a container may get while it runs too. */
export function addChangeableLimitOptions(command: Command): Command {
  return command
    .option('-m, --memory <size>', 'at most so much memory: 512m')
    .option('--memory-swap <size>', 'memory and swap together; -1 is no limit')
    .option('--memory-reservation <size>', 'what it is pushed back to when memory is scarce')
    .option('-c, --cpu-shares <weight>', 'of processor time, where it is scarce; 1024 is usual', wholeNumber)
    .option('--cpus <count>', 'at most so many processors: 1.5')
    .option('--cpu-period <microseconds>', 'what a quota is for', wholeNumber)
    .option('--cpu-quota <microseconds>', 'of each period', number)
    .option('--cpuset-cpus <list>', 'only these processors: 0-2,4')
    .option('--cpuset-mems <list>', 'only these memory nodes')
    .option('--pids-limit <count>', 'at most so many processes; -1 is no limit', number)
    .option('--blkio-weight <weight>', 'of disk time, 10 to 1000', wholeNumber);
}

function addLimitOptions(command: Command): void {
  addChangeableLimitOptions(command)
    .option('--memory-swappiness <percent>', '0 to 100', wholeNumber)
    .option('--oom-kill-disable', 'wait, rather than be killed, without memory')
    .option('--oom-score-adj <number>', 'who is killed first: -1000 to 1000', number)
    .option('--blkio-weight-device <weight>', 'DEVICE:WEIGHT', collect, [])
    .option('--device-read-bps <limit>', 'DEVICE:1mb each second', collect, [])
    .option('--device-write-bps <limit>', 'DEVICE:1mb each second', collect, [])
    .option('--device-read-iops <limit>', 'DEVICE:100 each second', collect, [])
    .option('--device-write-iops <limit>', 'DEVICE:100 each second', collect, [])
    .option('--ulimit <limit>', 'name=soft[:hard]', collect, [])
    .option('--shm-size <size>', 'of /dev/shm: 64m');
}

function addSecurityOptions(command: Command): void {
  command
    .option('--cap-add <capability>', 'NET_ADMIN, or ALL', collect, [])
    .option('--cap-drop <capability>', 'CHOWN, or ALL', collect, [])
    .option('--privileged', 'it may do what root may')
    .option('--security-opt <option>', 'no-new-privileges, seccomp=unconfined, seccomp=FILE', collect, [])
    .option('--device <device>', 'PATH[:TARGET][:rwm] of the host', collect, [])
    .option('--device-cgroup-rule <rule>', "'c 42:* rmw'", collect, [])
    .option('--pid <mode>', 'host, or container:NAME')
    .option('--ipc <mode>', 'private, host, or container:NAME')
    .option('--uts <mode>', 'host')
    .option('--userns <mode>', 'host, or auto: ids that nobody else on the host has')
    .option('--cgroupns <mode>', 'private, or host: the cgroups of all that it sees')
    .option('--cgroup-parent <path>', 'the cgroup that its own is made in')
    .option('--sysctl <setting>', 'name=value', collect, []);
}

function addHealthOptions(command: Command): void {
  command
    .option('--health-cmd <command>', 'says whether it is well')
    .option('--health-interval <duration>', 'between two checks')
    .option('--health-timeout <duration>', 'of one check')
    .option('--health-start-period <duration>', 'in which failures do not count')
    .option('--health-start-interval <duration>', 'between two checks of that time')
    .option('--health-retries <count>', 'so many failures in a row are too many', wholeNumber)
    .option('--no-healthcheck', "none, not the image's either");
}

function wholeNumber(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number is needed.');
}

function number(text: string): number {
  if (/^-?\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number is needed.');
}
