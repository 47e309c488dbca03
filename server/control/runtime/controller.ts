import type { Logger } from '@/platform/logger'
import type { Change } from '@/server/store/change-feed'
import { isLockTimeout, type DatabaseClient } from '@/server/store/database'
import type { FeedReader } from '@/server/store/feed-reader'
import { WorkQueue } from './work-queue'

export type ControlContext = { db: DatabaseClient; log: Logger; feed: FeedReader }

/**
 * A controller: which changes wake it (as keys of its own, or the one key `all`), how it finds all keys again, and what
 * it does for a key. It is level-triggered: `reconcile` reads the store and takes nothing from the wake. What it returns
 * are keys to work on after those that wait now: what a key stands for, or itself where there is more to do for it
 * than others shall wait for.
 */
export type Controller = {
  name: string
  keysOf(change: Change): string[]
  /** All keys that may need work: at the start, after a gap in the feed, and every `resyncSeconds`. */
  allKeys(ctx: ControlContext): Promise<string[]>
  resyncSeconds: number
  workers: number
  reconcile(ctx: ControlContext, key: string): Promise<readonly string[] | void>
}

/** Runs controllers until the signal aborts. */
export async function runControllers(ctx: ControlContext, controllers: Controller[], signal: AbortSignal): Promise<void> {
  const running = controllers.map((controller) => startController(ctx, controller))
  await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
  await Promise.all(running.map((stop) => stop()))
}

function startController(ctx: ControlContext, controller: Controller): () => Promise<void> {
  const log = ctx.log.child({ controller: controller.name })
  const work = async (key: string) => {
    for (const next of (await controller.reconcile({ ...ctx, log }, key)) ?? []) queue.add(next)
  }
  const queue: WorkQueue = new WorkQueue(work, { workers: controller.workers, onError: (key, err) => (isLockTimeout(err) ? log.info({ key }, 'what it concerns is held by somebody else; it is tried again') : log.error({ key, err }, 'reconciling failed; it is tried again')) })
  const resync = () => {
    controller.allKeys(ctx).then((keys) => keys.forEach((key) => queue.add(key)), (err: unknown) => log.error({ err }, 'listing failed'))
  }
  const unsubscribe = ctx.feed.subscribe({ onChanges: (changes) => changes.forEach((change) => controller.keysOf(change).forEach((key) => queue.add(key))), onReset: resync })
  const timer = setInterval(resync, controller.resyncSeconds * 1000)
  resync()
  return async () => {
    unsubscribe()
    clearInterval(timer)
    await queue.close()
  }
}
