'use client'
import { Search, X } from 'lucide-react'
import { useRef, useState, type ReactNode, type RefObject } from 'react'
import { useShortcut } from '@/components/client/shortcuts'
import { Input, Select } from '@/components/ui/input'
import { Kbd } from '@/components/ui/kbd'

type TextFilterProps = { label: string; value: string; onChange: (next: string) => void }

/** The filter by text; `/` goes to it. What is typed takes effect 200 ms after the last key. */
export function SearchFilter(props: TextFilterProps) {
  const input = useRef<HTMLInputElement>(null)
  useShortcut('/', 'Filter the list', () => input.current?.focus())
  return <TextFilter {...props} input={input} hint={<Kbd>/</Kbd>} icon={<Search className="size-3.5" />} />
}

/** A filter by text beside the first. */
export function TextFilter({ label, value, onChange, input: given, hint, icon }: TextFilterProps & { input?: RefObject<HTMLInputElement | null>; hint?: ReactNode; icon: ReactNode }) {
  const own = useRef<HTMLInputElement>(null)
  const input = given ?? own
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const [typed, setTyped] = useState<string | null>(null)
  const change = (next: string, delay: number) => {
    setTyped(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => { onChange(next); setTyped(null) }, delay)
  }
  const shown = typed ?? value
  return (
    <div className="relative w-60 max-w-full">
      <span className="pointer-events-none absolute left-2.5 top-2 translate-y-px text-faint" aria-hidden>{icon}</span>
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
          ? <button type="button" aria-label={`Clear: ${label}`} onClick={() => { change('', 0); input.current?.focus() }} className="inline-flex size-6 items-center justify-center rounded-sm text-faint hover:text-content"><X className="size-3.5" aria-hidden /></button>
          : hint && <span className="pr-1" aria-hidden>{hint}</span>}
      </span>
    </div>
  )
}

/** A filter by one of a few values; `any` is what stands there where none is chosen. */
export function SelectFilter({ label, any, value, options, onChange }: { label: string; any: string; value: string; options: ReadonlyArray<{ value: string; label: string }>; onChange: (next: string) => void }) {
  return (
    <span className="w-40">
      <Select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{any}</option>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </Select>
    </span>
  )
}
