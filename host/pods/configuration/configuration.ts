import type { Assignment } from '@/contracts/host/v1'
import { findObject, type ConfigurationObject, type PodConfiguration, type PodFacts } from '@/domain/pod/configuration'
import { resolveEnvironment, type ResolvedEnvironment } from '@/domain/pod/resolve-environment'
import type { ContainerSpec } from '@/domain/pod/spec'
import { Wake } from '../wake'

/**
 * The ConfigMaps and Secrets of one pod and what its downward fields tell, as they are now. In memory alone: what
 * they hold stands in no ledger, log or event.
 */
export class Configuration {
  private held: PodConfiguration | null
  private readonly waiting = new Wake()

  constructor(
    private readonly assignment: () => Assignment,
    private readonly hostName: string,
    held: PodConfiguration | null,
  ) {
    this.held = held
  }

  /** Takes the newest; wakes all who wait for a change. */
  take(configuration: PodConfiguration): void {
    this.held = configuration
    this.touch()
  }

  /** The assignment has changed, and with it perhaps labels that files tell of. */
  touch(): void {
    this.waiting.wake()
    this.waiting.clear()
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return this.waiting.wait()
  }

  /** Whether the server has sent what this assignment needs; after a start of the agent it comes again. */
  get isHere(): boolean {
    const { configurationRevision } = this.assignment()
    return configurationRevision === null || this.held?.revision === configurationRevision
  }

  /** Whether there is any, where the pod needs one: perhaps newer than the assignment tells. */
  get isAny(): boolean {
    return this.assignment().configurationRevision === null || this.held !== null
  }

  get objects(): PodConfiguration | null {
    return this.held
  }

  get facts(): PodFacts {
    const { name, namespace, uid, labels, annotations, network } = this.assignment()
    return { name, namespace, uid, labels, annotations, podIP: network.address, hostName: this.hostName }
  }

  environment(container: ContainerSpec, spec: Assignment['spec']): ResolvedEnvironment {
    return resolveEnvironment(container, spec, this.held, this.facts)
  }

  /** The Secrets that the pod names in imagePullSecrets; one that is missing is left out, as in Kubernetes. */
  get pullSecrets(): ConfigurationObject[] {
    return this.assignment().spec.imagePullSecrets.flatMap(({ name }) => findObject(this.held, 'Secret', name) ?? [])
  }
}
