'use client'
import { useEffect, useEffectEvent } from 'react'

type Shortcut = { keys: string; title: string; run: () => void }

const registered: Shortcut[] = []
let first = ''
let firstAt = 0

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select, .xterm, .cm-editor, [role="menu"]') !== null)

function onKeyDown(event: KeyboardEvent) {
  if (event.defaultPrevented || event.repeat && event.key !== 'j' && event.key !== 'k') return
  // A capital is one key: Shift on its way to it is none.
  if (['Shift', 'Control', 'Meta', 'Alt'].includes(event.key)) return
  const command = event.metaKey || event.ctrlKey
  const key = command ? `mod+${event.key.toLowerCase()}` : event.key
  if (!command && (event.altKey || typing(event.target) || document.querySelector('dialog[open]'))) return
  const pair = performance.now() - firstAt < 1000 ? `${first} ${key}` : ''
  const found = registered.findLast((shortcut) => shortcut.keys === pair) ?? registered.findLast((shortcut) => shortcut.keys === key)
  first = key
  firstAt = performance.now()
  if (!found) return
  event.preventDefault()
  first = ''
  found.run()
}

/**
 * A shortcut while the component is shown: one key (`c`), two in a row (`g p`), or `mod+k` for ⌘K and Ctrl K. None fires in
 * a field, an editor, the terminal or an open dialog, but for those with `mod`. The one registered last wins.
 */
export function useShortcut(keys: string, title: string, run: () => void) {
  const latest = useEffectEvent(run)
  useEffect(() => {
    const shortcut = { keys, title, run: () => latest() }
    if (registered.length === 0) document.addEventListener('keydown', onKeyDown)
    registered.push(shortcut)
    return () => {
      registered.splice(registered.indexOf(shortcut), 1)
      if (registered.length === 0) document.removeEventListener('keydown', onKeyDown)
    }
  }, [keys, title])
}

/** What can be pressed here now, for the list that `?` shows. */
export const activeShortcuts = (): ReadonlyArray<{ keys: string; title: string }> => registered.filter((shortcut, i) => shortcut.title !== '' && registered.findLastIndex((other) => other.keys === shortcut.keys) === i)
