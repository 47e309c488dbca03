import type { SetRoutedAddressesParams } from '@/contracts/guest/v1/requests'
import { NOTHING_ROUTED, type RoutedGuestState } from '@/host/network/floating/routed-addresses'
import type { Logger } from '@/platform/logger'
import { GuestRefusal, type Guest } from './ports'

type Told = Pick<Guest, 'setRoutedAddresses' | 'closed'>
/** `told`: what the guest has; `tried`: what it was last told, taken or not; `retryMs`: how long it is left alone after the next refusal. */
type Served = { guest: Told; told: string; tried: string; failure: unknown; /** What of a failure was logged last. */ logged: string; running: Promise<void> | null; again: boolean; retry: NodeJS.Timeout | null; retryMs: number }

/** A guest that always refuses, as its tenant can make it do, costs a question every so often and one line of the log. */
const [firstRetryMs, lastRetryMs] = [10_000, 300_000]

/** Tells the guests of pods of the addresses that are routed to them: when a guest comes, and whenever what it is to have changes. Nothing of it rejects. */
export class RoutedGuests {
  private readonly served = new Map<string, Served>()
  /** What guests were to have when that was looked at last, as text, by the uid of their pods. */
  private texts: ReadonlyMap<string, string> = new Map()
  private changed: () => void = () => {}

  /** `wanted`: what guests are to have now, by the uid of their pods; those without any are not there. */
  constructor(private readonly parts: { wanted: () => ReadonlyMap<string, SetRoutedAddressesParams>; log: Pick<Logger, 'warn'> }) {}

  /** Is called whenever {@link stateOf} may have changed. */
  listen(changed: () => void): void {
    this.changed = changed
  }

  /**
   * A pod's guest, which is set up. A new one has none, so that without any for it nothing is sent; one that an earlier agent set up may have what the pod has lost since. It takes requests in their
   * order: what is sent before a container's start is there when that runs.
   */
  serve(podUid: string, guest: Told, isNew: boolean): void {
    const told = isNew ? textOf(undefined) : ''
    const served: Served = { guest, told, tried: told, failure: null, logged: '', running: null, again: false, retry: null, retryMs: firstRetryMs }
    this.served.set(podUid, served)
    void guest.closed.then(() => {
      clearTimeout(served.retry ?? undefined)
      if (this.served.get(podUid) !== served) return
      this.served.delete(podUid)
      this.changed()
    })
    this.bring(podUid, served)
  }

  /** What guests are to have may have changed. Returns at once. */
  refresh(): void {
    this.look()
    for (const [podUid, served] of this.served) if (this.textFor(podUid) !== served.tried) this.bring(podUid, served)
  }

  stateOf(podUid: string): RoutedGuestState {
    const served = this.served.get(podUid)
    if (!served) return { state: 'waiting' }
    if (served.failure !== null) return { state: 'failed', isOld: isOld(served.failure), error: served.failure }
    return served.told === this.textFor(podUid) ? { state: 'done' } : { state: 'waiting' }
  }

  /** What guests are to have is made of the state of all networks that have routed addresses: not once for each of them. */
  private look(): ReadonlyMap<string, SetRoutedAddressesParams> {
    const wanted = this.parts.wanted()
    this.texts = new Map([...wanted].map(([podUid, one]) => [podUid, textOf(one)]))
    return wanted
  }

  private textFor(podUid: string): string {
    return this.texts.get(podUid) ?? textOf(undefined)
  }

  /** What is asked for while it runs is one more turn. */
  private bring(podUid: string, served: Served): void {
    clearTimeout(served.retry ?? undefined)
    served.retry = null
    served.again = true
    served.running ??= this.turns(podUid, served).finally(() => {
      served.running = null
      if (served.again) this.bring(podUid, served)
    })
  }

  private async turns(podUid: string, served: Served): Promise<void> {
    while (served.again) {
      served.again = false
      const wanted = this.look().get(podUid) ?? NOTHING_ROUTED
      if (textOf(wanted) === served.told && served.failure === null) continue
      served.tried = textOf(wanted)
      try {
        await served.guest.setRoutedAddresses(wanted)
        served.told = served.tried
        served.failure = null
        served.logged = ''
        served.retryMs = firstRetryMs
      } catch (error) {
        this.failed(podUid, served, wanted, error)
      }
      this.changed()
    }
  }

  private failed(podUid: string, served: Served, wanted: SetRoutedAddressesParams, error: unknown): void {
    // One that never knew of them has none.
    if (wanted.addresses.length === 0 && isOld(error)) {
      served.told = textOf(wanted)
      served.failure = null
      return
    }
    served.failure = error
    const logged = `${served.tried} ${String(error)}`
    if (logged !== served.logged) this.parts.log.warn({ err: error, pod: podUid, addresses: wanted.addresses }, 'a guest did not take the addresses that are routed to its pod')
    served.logged = logged
    if (isOld(error) || this.served.get(podUid) !== served) return
    served.retry = setTimeout(() => this.bring(podUid, served), served.retryMs).unref()
    served.retryMs = Math.min(served.retryMs * 2, lastRetryMs)
  }
}

const textOf = (wanted: SetRoutedAddressesParams | undefined): string => JSON.stringify(wanted ?? NOTHING_ROUTED)

/** An agent tells by its name which request it does not know. */
const isOld = (error: unknown): boolean => error instanceof GuestRefusal && error.code === 'InvalidRequest' && error.about === 'setRoutedAddresses'
