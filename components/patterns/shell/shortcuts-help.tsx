'use client'
import { useState } from 'react'
import { activeShortcuts } from '@/components/client/shortcuts'
import { Dialog } from '@/components/ui/dialog'
import { Kbd } from '@/components/ui/kbd'

const keyNames: Record<string, string> = { 'mod+k': '⌘ K' }

/** What can be pressed on this page. */
export function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  const [shortcuts] = useState(activeShortcuts)
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <dl className="flex flex-col">
        {shortcuts.map(({ keys, title }) => (
          <div key={keys} className="flex h-8 items-center justify-between border-b border-stroke last:border-0">
            <dt>{title}</dt>
            <dd className="flex gap-1">{(keyNames[keys] ?? keys).split(' ').map((key, i) => <Kbd key={i}>{key}</Kbd>)}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-3 text-xs text-faint">None of them works while you type in a field, an editor or a terminal. On Linux and Windows ⌘ is Ctrl.</p>
    </Dialog>
  )
}
