'use client'
import { useEffect, useSyncExternalStore, type ReactNode } from 'react'

/** Something a person can do to a thing. One array of them serves the row's menu, the page's header and the palette. */
export type Action = {
  id: string
  /** Verb and noun: "Delete pod". */
  label: string
  icon?: ReactNode
  href?: string
  run?: () => void
  danger?: boolean
  /** Why it cannot be done now. It stays visible and says so. */
  disabledReason?: string | undefined
}

type Group = { title: string; actions: readonly Action[] }
let groups: readonly Group[] = []
const listeners = new Set<() => void>()
const none: readonly Group[] = []

function publish(next: readonly Group[]) {
  groups = next
  for (const listener of listeners) listener()
}

/** Offers the page's actions in the palette while the page is shown. */
export function useOfferActions(title: string, actions: readonly Action[]) {
  useEffect(() => {
    const group = { title, actions }
    publish([...groups, group])
    return () => publish(groups.filter((each) => each !== group))
  }, [title, actions])
}

export const useOfferedActions = () => useSyncExternalStore(
  (listener) => { listeners.add(listener); return () => listeners.delete(listener) },
  () => groups,
  () => none,
)
