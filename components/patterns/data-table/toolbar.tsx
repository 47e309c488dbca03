'use client'
import { Search, X } from 'lucide-react'
import { useRef, useState } from 'react'
import { useShortcut } from '@/components/client/shortcuts'
import { Input } from '@/components/ui/input'
import { Kbd } from '@/components/ui/kbd'

/** The filter by text; `/` goes to it. What is typed takes effect 200 ms after the last key. */
export function SearchFilter({ label, value, onChange }: { label: string; value: string; onChange: (next: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const [typed, setTyped] = useState<string | null>(null)
  useShortcut('/', 'Filter the list', () => input.current?.focus())
  const change = (next: string, delay: number) => {
    setTyped(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => { onChange(next); setTyped(null) }, delay)
  }
  const shown = typed ?? value
  return (
    <div className="relative w-60 max-w-full">
      <Search className="pointer-events-none absolute left-2.5 top-2 size-3.5 translate-y-px text-faint" aria-hidden />
      <Input
        ref={input}
        type="text"
        aria-label={label}
        placeholder={label}
        value={shown}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => change(event.target.value, 200)}
        onKeyDown={(event) => { if (event.key === 'Escape') { change('', 0); event.currentTarget.blur() } }}
        className="pl-8 pr-8"
      />
      <span className="absolute inset-y-0 right-1 flex items-center">
        {shown
          ? <button type="button" aria-label="Clear the filter" onClick={() => { change('', 0); input.current?.focus() }} className="inline-flex size-6 items-center justify-center rounded-sm text-faint hover:text-content"><X className="size-3.5" aria-hidden /></button>
          : <span className="pr-1" aria-hidden><Kbd>/</Kbd></span>}
      </span>
    </div>
  )
}
