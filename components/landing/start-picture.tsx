import { cn } from '@/components/ui/cn'
import { StateMark } from '@/components/ui/state-badge'

const steps: ReadonlyArray<[step: string, detail: string]> = [
  ['Accepted', 'default / web'],
  ['Host chosen', 'memory and vCPU fit'],
  ['Image', 'already on the host'],
  ['Network', '10.0.0.7 on default'],
  ['Virtual machine', 'from a template, 192 MiB'],
  ['Container', 'web, process 1'],
]

/** A pod that starts, drawn as a terminal: its steps, then a shell in it. The first line is there at once, the others come one after the other. */
export function StartPicture() {
  return (
    <figure className="w-full max-w-170 overflow-hidden rounded-lg border border-stroke-strong bg-sunken text-left shadow-overlay">
      <figcaption className="flex h-9 items-center justify-between border-b border-stroke bg-raise px-4 text-xs text-faint">
        <span className="font-mono">pod/web</span>
        <span className="inline-flex items-center gap-1.5 text-content"><StateMark shape="running" />Running</span>
      </figcaption>
      <div className="overflow-x-auto px-4 py-4 font-mono text-xs leading-6">
        {steps.map(([step, detail], i) => (
          <p key={step} className={cn('flex gap-3 whitespace-nowrap', i > 0 && 'line-in')} style={{ animationDelay: `${i * 120}ms` }}>
            <span className="inline-flex items-center"><StateMark shape="running" className="size-2" /></span>
            <span className="w-30 shrink-0 text-content">{step}</span>
            <span className="text-faint">{detail}</span>
          </p>
        ))}
        <p className="line-in mt-3 whitespace-nowrap" style={{ animationDelay: '780ms' }}><span className="text-accent-content">web:/$</span> <span className="text-content">hostname &amp;&amp; nproc</span></p>
        <p className="line-in text-soft" style={{ animationDelay: '960ms' }}>web</p>
        <p className="line-in text-soft" style={{ animationDelay: '960ms' }}>1</p>
        <p className="line-in" style={{ animationDelay: '1080ms' }}><span className="text-accent-content">web:/$</span> <span className="inline-block h-3.5 w-[7px] translate-y-0.5 bg-accent" aria-hidden /></p>
      </div>
    </figure>
  )
}
