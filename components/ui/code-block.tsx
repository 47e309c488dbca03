import { cn } from './cn'
import { CopyButton } from './copyable'

/** Text of a machine, with a button that copies it. It scrolls by keyboard too. */
export function CodeBlock({ code, label, className }: { code: string; label: string; className?: string }) {
  return (
    <div className={cn('group/code relative rounded-md border border-stroke bg-sunken', className)}>
      <pre tabIndex={0} aria-label={label} className="max-h-96 overflow-auto p-3 pr-10 text-left font-mono text-xs leading-5 text-soft">{code}</pre>
      <CopyButton text={code} label={`Copy ${label.toLowerCase()}`} className="absolute right-1.5 top-1.5 bg-sunken" />
    </div>
  )
}
