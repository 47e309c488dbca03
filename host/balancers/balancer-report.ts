import { isDeepStrictEqual } from 'node:util'
import type { ExternalReport } from '@/contracts/host/v1/external'
import { StepFailed } from './steps'

type State = Pick<ExternalReport, 'phase' | 'reason' | 'message'>
const again = 'Its host tries again by itself; if this stays, tell the operators.'

/** What a balancer says of itself to the server: told where it changed. */
export class BalancerReport {
  now: ExternalReport
  /** Servers that HAProxy's own checks took out. */
  private down: readonly string[] = []
  /** What of the wanted could not be carried out, for people; null: nothing. */
  problem: string | null = null

  constructor(private readonly uid: string, private readonly onReport: (report: ExternalReport) => void) {
    this.now = { kind: 'balancer', uid, phase: 'Failed', reason: 'Starting', message: 'The balancer is being started on its host.' }
  }

  serves(): void {
    this.tell(this.problem === null ? { phase: 'Active', reason: 'Serving', message: '' } : { phase: 'Degraded', reason: 'PartlyServing', message: this.problem })
  }

  gone(): void {
    this.down = []
    this.problem = null
    this.tell({ phase: 'Gone', reason: 'Gone', message: 'The host does not answer for the balancer any more.' })
  }

  /** Whether these are others than before. */
  isDown(servers: readonly string[]): boolean {
    const isOther = !isDeepStrictEqual(servers, this.down)
    this.down = servers
    return isOther
  }

  failed(error: unknown, { isWanted, isActive }: { isWanted: boolean; isActive: boolean }): void {
    const what = failedStep(error)
    const cause = error instanceof Error ? error.message : String(error)
    if (!isWanted) return this.tell({ phase: 'Failed', reason: 'NotRemoved', message: `The balancer is being removed, and ${what} cannot be: ${cause}. ${again}` })
    this.tell(isActive
      ? { phase: 'Degraded', reason: 'NotUpdated', message: `The balancer answers as it did before: ${what} cannot be changed: ${cause}. ${again}` }
      : { phase: 'Failed', reason: 'NotStarted', message: `The balancer does not answer: ${what} cannot be made: ${cause}. ${again}` })
  }

  private tell(state: State): void {
    const report: ExternalReport = { kind: 'balancer', uid: this.uid, ...state, message: state.message.slice(0, 4096), ...(this.down.length > 0 && { down: [...this.down] }) }
    if (isDeepStrictEqual(report, this.now)) return
    this.now = report
    this.onReport(report)
  }
}

/** Which part of a balancer is not as it should be. */
export const failedStep = (error: unknown): string => (error instanceof StepFailed ? error.step : 'it')
