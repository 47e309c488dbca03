import type { StartStep } from './status'

/** What a start's time is told in, in the order in which it is spent. */
export const startParts = ['queued', 'scheduled', 'image', 'network', 'disks', 'vm', 'guest', 'container'] as const
export type StartPart = (typeof startParts)[number]

/** A stretch of a start: `at` and `ms` are whole milliseconds from its beginning. */
export type StartSpan = { part: StartPart; at: number; ms: number }

/**
 * A start in parts that add up exactly to the whole. `spans` follow each other without a gap from 0 to `wholeMs`.
 * `shiftMs` is by how much the host's times had to be moved to fit between the server's: 0 where the clocks agree.
 */
export type Waterfall = { beganAt: number; wholeMs: number; parts: Record<StartPart, number>; spans: StartSpan[]; shiftMs: number }

/** Times are milliseconds since 1970: `createdAt`, `boundAt` and `toldAt` by the server's clock, the others by the host's. */
export type StartFacts = {
  /** Null for a later start of the pod, which begins on the host. */
  createdAt: number | null
  boundAt: number | null
  steps: readonly StartStep[]
  /** When the first process ran; while there is none, the present. */
  startedAt: number
  /** When the server heard of it: nothing on the host was later. */
  toldAt: number
}

type Interval = { part: StartPart; start: number; end: number }

/**
 * Parts of a start along its critical path: steps that ran side by side count as the one that ended last, for that is the
 * one that was waited for. Between two steps the pod waited for its turn on the host, which is `queued` as the wait for
 * the scheduler is; `scheduled` lasts from the binding to the first step, tries that failed included.
 */
export function startWaterfall(facts: StartFacts): Waterfall {
  const steps = intervals(facts)
  const hostBegan = Math.min(facts.startedAt, ...steps.map((step) => step.start))
  const shiftMs = facts.createdAt === null ? 0 : clockShift(facts, hostBegan)
  const began = Math.round(facts.createdAt ?? hostBegan)
  const end = Math.max(began, facts.startedAt + shiftMs)
  const bound = facts.createdAt === null ? began : clamp(facts.boundAt ?? began, began, end)
  const onHost = clamp(hostBegan + shiftMs, bound, end)
  const moved = steps.map(({ part, start, end: over }) => ({ part, start: clamp(start + shiftMs, onHost, end), end: clamp(over + shiftMs, onHost, end) }))
  const chain = criticalPath(moved, onHost, end)
  const all: Interval[] = [{ part: 'queued', start: began, end: bound }, { part: 'scheduled', start: bound, end: onHost }, ...chain]
  const spans = all.filter((each) => each.end > each.start).map(({ part, start, end: over }) => ({ part, at: start - began, ms: over - start }))
  const parts: Record<StartPart, number> = { queued: 0, scheduled: 0, image: 0, network: 0, disks: 0, vm: 0, guest: 0, container: 0 }
  for (const span of spans) parts[span.part] += span.ms
  return { beganAt: began, wholeMs: end - began, parts, spans, shiftMs }
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, Math.round(value)))

/** The steps as intervals of whole milliseconds; one that still ran at the first process lasts until it. */
function intervals({ steps, startedAt }: StartFacts): Interval[] {
  let inGuest = false
  return steps.flatMap(({ name, startedAt: from, ms }) => {
    const start = Math.round(Date.parse(from))
    if (!Number.isFinite(start) || start > startedAt) return []
    const part = partOf(name, inGuest)
    inGuest ||= part === 'guest'
    return [{ part, start, end: Math.max(start, Math.min(startedAt, ms === null ? startedAt : Math.round(start + ms))) }]
  })
}

/** Which part a step of the host belongs to. One that is not known was done by the VM before its guest answered, or in it. */
function partOf(step: string, inGuest: boolean): StartPart {
  if (/^(image|pull)/.test(step)) return 'image'
  if (/^network/.test(step)) return 'network'
  if (/^(disk|scratch|volume)/.test(step)) return 'disks'
  if (/^(vm|template)/.test(step)) return 'vm'
  if (/^guest/.test(step)) return 'guest'
  return inGuest ? 'container' : 'vm'
}

/** How far the host's times must move so that nothing on it was before the binding or after the server heard of it. */
function clockShift({ createdAt, boundAt, startedAt, toldAt }: StartFacts, hostBegan: number): number {
  const earliest = boundAt ?? createdAt ?? hostBegan
  const late = Math.max(0, earliest - hostBegan)
  return Math.round(Math.min(late, toldAt - startedAt))
}

/** From the end backwards: always the step that was waited for. What no step covers was waiting, after the last one work in the container. */
function criticalPath(steps: readonly Interval[], began: number, end: number): Interval[] {
  const chain: Interval[] = []
  let cursor = end
  while (cursor > began) {
    const at = cursor
    const before = steps.filter((step) => step.start < at)
    const running = before.filter((step) => step.end >= at)
    const next = running.reduce<Interval | null>((latest, step) => (latest && latest.start >= step.start ? latest : step), null)
    const from = next ? next.start : Math.max(began, ...before.map((step) => step.end))
    const waiting: StartPart = at === end ? 'container' : 'queued'
    chain.unshift({ part: next ? next.part : waiting, start: from, end: at })
    cursor = from
  }
  return merged(chain)
}

/** Neighbours of the same part are one. */
function merged(chain: readonly Interval[]): Interval[] {
  const result: Interval[] = []
  for (const each of chain) {
    const last = result.at(-1)
    if (last?.part === each.part && last.end === each.start) last.end = each.end
    else result.push({ ...each })
  }
  return result
}
