import { StartGate } from '@/host/pods/start-gate'
import { Pauses } from '@/platform/pauses'
import type { Logger } from '@/platform/logger'
import type { BalancerNamespace } from './balancer-namespace'
import type { ServersOf } from './packet-filter'
import type { Haproxy } from './ports'
import type { Reached } from './reached'
import { at } from './server-sets'

/** What one balancer has with pods whose machines are gone, as it was when that was said. */
export type Loss = {
  uid: string
  /** Tells HAProxy; where it cannot be told, its own checks find out. */
  tell: () => Promise<void>
  /** Ends the connections. Throws where they may be open still. */
  end: () => Promise<void>
}

/** A balancer as it is now; `isOver`: whether it or its namespace is another by then, `led`: to whom it leads by then. */
type Having = { uid: string; servers: ServersOf; led: () => ServersOf; reached: Pick<Reached, 'among' | 'ended'>; haproxy: Pick<Haproxy, 'lost'>; namespace: Pick<BalancerNamespace, 'endConnections'>; isOver: () => boolean }

/** What a balancer loses that has these servers and connections now; of an address to which a machine has come by the time nothing is told or ended. */
export function lossOf(addresses: ReadonlySet<string>, isBack: (address: string) => boolean, { uid, servers, led, reached, haproxy, namespace, isOver }: Having): Loss {
  const [dead, connected] = [at(addresses, servers), reached.among(addresses)]
  return {
    uid,
    tell: async () => {
      if (dead.size > 0) await haproxy.lost(() => at(new Set([...addresses].filter((one) => !isBack(one))), dead))
    },
    end: async () => {
      const gone = connected.filter((one) => !isBack(one))
      if (gone.length === 0 || isOver()) return
      await namespace.endConnections(gone)
      reached.ended(gone, led())
    },
  }
}

/** So many balancers at a time: a thousand at once would take the agent's time. */
const atOnce = 16
/** HAProxy shall know before the connections end, so that what it asks again goes to others; one that reloads for seconds, or says nothing, is not waited for. */
const mostTellingMs = 500
const retriesMs = [250, 1_000, 4_000] as const

/** Carries out what became of pods whose machines are gone, by no other work's places and turns: whoever waits for such a pod waits for nothing. */
export class Losses {
  private readonly telling = new StartGate(atOnce)
  private readonly ending = new StartGate(atOnce)
  private readonly pauses = new Pauses()
  constructor(private readonly log: Pick<Logger, 'warn'>) {}

  async carryOut(loss: Loss): Promise<void> {
    let isTold = false
    const told = this.telling.do(loss.tell).catch(() => undefined).then(() => (isTold = true))
    await Promise.race([told, this.pauses.of(mostTellingMs)])
    const wasTold = isTold
    await this.end(loss)
    // What it had begun anew there meanwhile.
    if (!wasTold) await told.then(() => this.end(loss))
  }

  private async end(loss: Loss): Promise<void> {
    for (const pauseMs of [...retriesMs, null]) {
      try {
        return await this.ending.do(loss.end)
      } catch (error) {
        if (pauseMs === null) this.log.warn({ err: error, balancer: loss.uid }, 'connections to pods whose machines are gone were not ended: they wait until their time is over')
        else await this.pauses.of(pauseMs)
      }
    }
  }
}
