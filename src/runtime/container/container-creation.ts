import { chainIDs, type Platform } from '../../oci/index.js';
import { adaptedLimits, cgroupSupport, resourcesOf } from '../limits/index.js';
import { expectLogDriver, logPlanOf } from '../logs/index.js';
import { ownCgroups } from '../surroundings.js';
import { expectSources, type MountPoint, resolveMounts } from '../volumes/index.js';
import { parseCreateBody } from './body-shape.js';
import { type CreateBody, type HostConfig, withImage } from './configuration.js';
import { expectProtection } from './container-bundle.js';
import { checkNetworks, withNetworks } from './container-networks.js';
import { type ContainerRecord, NEW_STATE } from './container-record.js';
import { expectNoRequests } from './device-requests.js';
import { checkEarly } from './early-checks.js';
import { checkHealthcheck, healthPlanOf } from './health.js';
import { HealthDuty } from './health-duty.js';
import type { HostParts } from './host-parts.js';
import { initProgram } from './init-program.js';
import { checkCgroupParent, inventName, newContainerId, parseContainerName } from './names.js';
import { checkRestartPolicy } from './restart-policy.js';

export type CreateOptions = Readonly<{
  name?: string | undefined;
  platform?: Platform | undefined;
  /** Told, in words for a person, of what is not as it was asked for; else whoever opened the host is. */
  onNotice?: (text: string) => void;
}>;

/** Makes containers of what somebody asks for: all that is wrong with it is found before anything is there. */
export class ContainerCreation {
  readonly #parts: HostParts;
  readonly #settle: (text: string) => Promise<unknown>;

  /** @param settle finds out what has become of a container that may have ended. */
  constructor(parts: HostParts, settle: (text: string) => Promise<unknown>) {
    this.#parts = parts;
    this.#settle = settle;
  }

  /** @throws {ImageNotFoundError} @throws {ContainerConflictError} @throws {InvalidContainerError} */
  async create(
    body: CreateBody,
    { name, platform, onNotice = (text) => this.#parts.notice(text) }: CreateOptions,
  ): Promise<ContainerRecord> {
    const { HostConfig: given, NetworkingConfig: networking, ...config } = parseCreateBody(body);
    const hostConfig = given ?? {};
    const checkedHostConfig = await checkedLimits(hostConfig);
    const image = this.#parts.images.get(config.Image ?? '', platform); // from here on nobody is waited for
    checkRestartPolicy(hostConfig.RestartPolicy ?? {}, hostConfig);
    if (hostConfig.Init === true) initProgram(); // one that is missing is told of now
    const idsOf = this.#parts.ownerOfIDs(hostConfig);
    expectProtection(hostConfig);
    expectNoRequests(hostConfig.DeviceRequests);
    const networkingConfig = withNetworks(hostConfig, networking ?? {});
    checkNetworks(hostConfig, networkingConfig, this.#parts.networks);
    checkEarly(config, hostConfig, (text) => this.#parts.store.get(text));
    if (hostConfig.NetworkMode === 'host' && Object.keys(hostConfig.PortBindings ?? {}).length > 0)
      onNotice('Published ports are discarded when using host network mode');
    const withDefaults = withImage(config, image.config.config ?? {});
    checkHealthcheck(withDefaults.Healthcheck);
    if (healthPlanOf(withDefaults) !== undefined && !HealthDuty.isTaken(this.#parts.healthLock))
      onNotice('its health is checked while `berth engine` runs, which does not run now');
    const parts = {
      createdAt: new Date().toISOString(),
      image: {
        name: config.Image ?? '',
        id: image.id,
        manifest: image.manifest,
        chainIDs: chainIDs(image.config.rootfs.diff_ids),
      },
      config: withDefaults,
      hostConfig: checkedHostConfig,
      networkingConfig,
      ...(idsOf !== undefined && { idsOf }),
      state: NEW_STATE,
    };
    return this.#make(parts, { name, onNotice });
  }

  /** Under its lock: what others find of it before it is a container would count as left behind by somebody killed. */
  async #make(
    parts: Omit<ContainerRecord, 'id' | 'name' | 'mounts'>,
    { name, onNotice }: Required<Pick<CreateOptions, 'onNotice'>> & CreateOptions,
  ) {
    const id = newContainerId();
    const folder = this.#parts.folder(id);
    return folder.locked(async () => {
      try {
        const mounts = this.#resolveMounts({ ...parts, id }, onNotice);
        expectSources(mounts);
        const added = await this.#add({ ...parts, id, mounts }, name);
        this.#parts.images.hold(id, added.image.manifest);
        folder.make();
        this.#parts.post(added, 'create');
        return added;
      } catch (error) {
        // Its volumes are nobody's now.
        await this.#parts.volumes.forget(id);
        this.#parts.images.release(id);
        this.#parts.store.remove(id);
        folder.remove();
        throw error;
      }
    });
  }

  #resolveMounts(
    { id, hostConfig, config: { Volumes: volumes } }: Pick<ContainerRecord, 'id' | 'hostConfig' | 'config'>,
    onNotice: (text: string) => void,
  ): MountPoint[] {
    const mountsOf = (text: string) => this.#parts.store.get(text).mounts;
    return resolveMounts({ container: id, hostConfig, volumes, mountsOf, onNotice }, this.#parts.volumes);
  }

  async #add(record: Omit<ContainerRecord, 'name'>, name: string | undefined): Promise<ContainerRecord> {
    if (name !== undefined) {
      const named = { ...record, name: parseContainerName(name) };
      // Its last holder may only be waiting for being cleaned up.
      const holder = this.#parts.store.find(named.name);
      if (holder !== undefined) await this.#settle(holder.id).catch(() => undefined);
      this.#parts.store.add(named);
      return named;
    }
    for (let attempt = 1; ; attempt += 1) {
      const named = { ...record, name: inventName(attempt) };
      if (this.#parts.store.find(named.name) !== undefined) continue;
      this.#parts.store.add(named);
      return named;
    }
  }
}

/**
 * As docker's daemon has them, before anything is made.
 * @throws {InvalidLimitError} @throws {InvalidContainerError} @throws {InvalidLogConfigError}
 */
async function checkedLimits(hostConfig: HostConfig): Promise<HostConfig> {
  const adapted = adaptedLimits(hostConfig);
  const own = ownCgroups();
  checkCgroupParent(adapted, own);
  resourcesOf(adapted, cgroupSupport(own));
  await expectLogDriver(logPlanOf(adapted.LogConfig));
  return adapted;
}
