import { createHash } from 'node:crypto'
import type { PodSpec } from '@/domain/pod/spec'
import { projectVolume } from '@/domain/pod/project-volume'
import { isConfigurationVolume, type VolumeSpec } from '@/domain/pod/volume'
import type { Clock } from '../clock'
import { GuestRefusal, type Guest } from '../ports'
import type { Configuration } from './configuration'

/**
 * The volumes of a running pod that are made of configuration. Each is written once before the containers start, and
 * again when what it is made of has changed; a volume that cannot be made any more keeps the files that it has.
 */
export class ConfigurationFiles {
  private readonly volumes: VolumeSpec[]
  /** What was written last, by volume: a hash, for the files may be secret and large. */
  private readonly written = new Map<string, string>()
  private readonly problems = new Map<string, string>()
  private queue: Promise<void> = Promise.resolve()
  private count = 0

  constructor(
    private readonly spec: PodSpec,
    private readonly configuration: Configuration,
    private readonly guest: Pick<Guest, 'writeFiles'>,
    private readonly clock: Clock,
    private readonly event: (reason: string, message: string) => void,
  ) {
    this.volumes = spec.volumes.filter(isConfigurationVolume)
  }

  get isEmpty(): boolean {
    return this.volumes.length === 0
  }

  /** Why a volume could not be made at all, so that no container may start; null where all are there. */
  get problem(): string | null {
    for (const { name } of this.volumes) if (!this.written.has(name)) return this.problems.get(name) ?? `Volume "${name}" waits for its ConfigMaps and Secrets.`
    return null
  }

  /** Writes what has changed. Rejects only where the guest is lost. */
  write(): Promise<void> {
    if (this.isEmpty) return this.queue
    const turn = this.queue.then(async () => {
      if (!this.configuration.isAny) return
      for (const volume of this.volumes) await this.writeVolume(volume)
    })
    this.queue = turn.catch(() => {})
    return turn
  }

  private async writeVolume(volume: VolumeSpec): Promise<void> {
    const { files, problems } = projectVolume(volume, this.spec, this.configuration.objects, this.configuration.facts)
    if (problems.length > 0) return this.failed(volume.name, problems.join(' '))
    this.problems.delete(volume.name)
    const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex')
    if (this.written.get(volume.name) === hash) return
    this.count += 1
    try {
      await this.guest.writeFiles(volume.name, `v${this.clock.now().toString(36)}-${this.count}`, files)
    } catch (error) {
      if (!(error instanceof GuestRefusal)) throw error
      return this.failed(volume.name, `Volume "${volume.name}" could not be written: ${error.message}`)
    }
    this.written.set(volume.name, hash)
  }

  private failed(volume: string, message: string): void {
    if (this.problems.get(volume) !== message) this.event('FailedMount', message)
    this.problems.set(volume, message)
  }
}
