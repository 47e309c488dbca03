'use client'
import { useRef, useState } from 'react'

/** Which rows are chosen, by key. What is chosen outlives a page or a filter; `rows` are those in sight. */
export type Selection = {
  has: (key: string) => boolean
  count: number
  /** `range`: everything from the row chosen last up to this one gets the same. */
  toggle: (key: string, range: boolean) => void
  toggleAll: () => void
  /** All rows in sight, some of them, or none. */
  inSight: 'all' | 'some' | 'none'
}

type Chosen<Row> = ReadonlyMap<string, Row>

/** Rows that a person chooses by checkbox, Shift-click or keyboard. Rows keep what they were when they were chosen. */
export function useSelection<Row>(rows: readonly Row[] | undefined, rowKey: (row: Row) => string) {
  const [chosen, setChosen] = useState<Chosen<Row>>(() => new Map())
  const last = useRef<string | null>(null)
  const inSight = rows ?? []
  const held = inSight.filter((row) => chosen.has(rowKey(row))).length

  const toggle = (key: string, range: boolean) => {
    const to = inSight.findIndex((row) => rowKey(row) === key)
    const from = range ? inSight.findIndex((row) => rowKey(row) === last.current) : -1
    const span = from < 0 ? inSight.slice(to, to + 1) : inSight.slice(Math.min(from, to), Math.max(from, to) + 1)
    const on = !chosen.has(key)
    last.current = key
    setChosen((before) => change(before, span, on, rowKey))
  }
  const selection: Selection = {
    has: (key) => chosen.has(key),
    count: chosen.size,
    toggle,
    toggleAll: () => setChosen((before) => change(before, inSight, held < inSight.length, rowKey)),
    inSight: held === 0 ? 'none' : held === inSight.length ? 'all' : 'some',
  }
  return { selection, chosen, clear: () => setChosen(new Map()), keep: (keys: ReadonlySet<string>) => setChosen((before) => new Map([...before].filter(([key]) => keys.has(key)))) }
}

function change<Row>(before: Chosen<Row>, rows: readonly Row[], on: boolean, rowKey: (row: Row) => string): Chosen<Row> {
  const next = new Map(before)
  for (const row of rows) if (on) next.set(rowKey(row), row)
    else next.delete(rowKey(row))
  return next
}
