'use client'
import { CornerDownLeft } from 'lucide-react'
import Link from 'next/link'
import { useEffect, useRef, useState } from 'react'
import { plainName } from '@/components/client/plain-text'
import { Input } from '@/components/ui/input'
import { IconButton } from '@/components/ui/button'
import { cleanPath, stepsOf } from './container-path'

type PathBarProps = { path: string; hrefOf: (path: string) => string; onGo: (path: string) => void }

/** The folder that is shown as steps that lead up, and a field that takes any path. The last step has the focus after a change. */
export function PathBar({ path, hrefOf, onGo }: PathBarProps) {
  const current = useRef<HTMLSpanElement>(null)
  const shown = useRef(path)
  // The link that was followed goes with its folder, and the focus with it.
  useEffect(() => {
    if (shown.current !== path) current.current?.focus()
    shown.current = path
  }, [path])
  const [typed, setTyped] = useState('')
  const steps = stepsOf(path)
  return (
    <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-2">
      <nav aria-label="Path in the container" className="min-w-0 flex-1 basis-64">
        <ol className="flex flex-wrap items-center font-mono text-xs">
          {steps.map((step, i) => (
            <li key={step.path} className="flex min-w-0 items-center">
              {i > 1 && <span className="text-faint" aria-hidden>/</span>}
              {i === steps.length - 1
                ? <span ref={current} tabIndex={-1} aria-current="page" className="inline-flex min-h-6 items-center break-all px-1 font-medium">{plainName(step.name)}</span>
                : <Link href={hrefOf(step.path)} onClick={(event) => follow(event, () => onGo(step.path))} className="inline-flex min-h-6 min-w-6 items-center justify-center break-all px-1 text-accent-content hover:underline">{plainName(step.name)}</Link>}
            </li>
          ))}
        </ol>
      </nav>
      <form className="flex items-center gap-1" onSubmit={(event) => { event.preventDefault(); if (typed.trim() !== '') onGo(cleanPath(typed.trim())); setTyped('') }}>
        <Input mono aria-label="Go to path" placeholder="Go to path, e.g. /etc" value={typed} onChange={(event) => setTyped(event.target.value)} className="w-52" spellCheck={false} autoCapitalize="off" autoComplete="off" maxLength={4096} />
        <IconButton type="submit" label="Go to path" icon={<CornerDownLeft className="size-4" />} />
      </form>
    </div>
  )
}

/** An ordinary click stays on the page; one for a new tab is the browser's. */
export function follow(event: { metaKey: boolean; ctrlKey: boolean; shiftKey: boolean; preventDefault: () => void }, go: () => void): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return
  event.preventDefault()
  go()
}
