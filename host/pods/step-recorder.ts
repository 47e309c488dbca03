import type { StartStep } from '@/domain/pod/status'
import type { Clock } from './clock'

/** Measures the steps of one start for the waterfall on the pod's page. */
export class StepRecorder {
  readonly steps: StartStep[] = []
  /** The first step that failed. */
  failed: string | null = null
  constructor(
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {}

  /** Runs the step and records when it began and how long it took, also when it failed. */
  async measure<T>(name: string, step: () => Promise<T>): Promise<T> {
    const begin = performance.now()
    const record: StartStep = { name, startedAt: new Date(this.clock.now()).toISOString(), ms: null }
    this.steps.push(record)
    this.onChange()
    try {
      return await step()
    } catch (error) {
      this.failed ??= name
      throw error
    } finally {
      record.ms = Math.round((performance.now() - begin) * 10) / 10
      this.onChange()
    }
  }
}
