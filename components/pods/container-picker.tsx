'use client'
import { Select } from '@/components/ui/input'

/** Which container; nothing to choose where there is one. */
export function ContainerPicker({ containers, value, onChange }: { containers: readonly string[]; value: string; onChange: (next: string) => void }) {
  if (containers.length < 2) return <span className="text-sm text-soft">{containers[0]}</span>
  return (
    <span className="w-36">
      <Select aria-label="Container" value={value} onChange={(event) => onChange(event.target.value)}>
        {containers.map((name) => <option key={name} value={name}>{name}</option>)}
      </Select>
    </span>
  )
}
