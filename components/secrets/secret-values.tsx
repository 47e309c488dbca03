'use client'
import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import type { SecretView } from '@/domain/config-map/view'
import { fromBase64, utf8Text } from '@/domain/shared/base64'
import { toFailure, type Failure } from '@/components/client/errors'
import { formatBytes, formatCount } from '@/components/client/formats'
import { useTRPCClient } from '@/components/client/trpc'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { Panel } from '@/components/ui/panel'

/** The keys of a Secret; their values behind a button, for an admin, and kept on this page alone. */
export function SecretValues({ tenant, secret, role }: { tenant: string; secret: SecretView; role: 'admin' | 'member' }) {
  const api = useTRPCClient()
  const { namespace, name, resourceVersion } = secret.metadata
  // What was revealed is of one revision: after a change it is hidden again.
  const [revealed, setRevealed] = useState<{ of: string; data: Record<string, string> } | null>(null)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const shown = revealed?.of === resourceVersion ? revealed.data : null
  const reveal = async () => {
    setPending(true)
    setFailure(null)
    try {
      const { data } = await api.secret.reveal.mutate({ tenant, namespace, name })
      setRevealed({ of: resourceVersion, data })
    } catch (error) {
      setFailure(toFailure(error))
    }
    setPending(false)
  }
  return (
    <Panel
      title="Data"
      description={formatCount(secret.keyCount, 'key')}
      actions={shown
        ? <Button size="sm" icon={<EyeOff className="size-3.5" />} onClick={() => setRevealed(null)}>Hide values</Button>
        : <Button size="sm" icon={<Eye className="size-3.5" />} pending={pending} disabledReason={role === 'admin' ? undefined : 'Only an admin of the tenant reveals values.'} onClick={() => void reveal()}>Reveal values</Button>}
    >
      {failure && <div className="mb-4"><FailureCallout failure={failure} title="The values were not revealed" /></div>}
      {secret.keyCount === 0 && <p className="text-center text-sm text-faint">It has no keys yet.</p>}
      <dl className="flex flex-col gap-4">
        {secret.sizes.map(({ key, bytes }) => (
          <div key={key} className="min-w-0">
            <dt className="mb-1 flex items-baseline gap-2"><span className="font-mono text-xs font-medium">{key}</span><span className="text-xs text-faint">{formatBytes(bytes)}</span></dt>
            <dd>{shown && Object.hasOwn(shown, key) ? <Value name={key} base64={shown[key] ?? ''} /> : <span className="text-sm text-faint">Hidden</span>}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-4 text-xs text-faint">The audit names who revealed the values, and when.</p>
    </Panel>
  )
}

function Value({ name, base64 }: { name: string; base64: string }) {
  const bytes = fromBase64(base64)
  const text = bytes && utf8Text(bytes)
  if (text === '') return <span className="text-sm text-faint">Empty</span>
  return <CodeBlock label={text === null ? `Value of ${name} in base64` : `Value of ${name}`} code={text ?? base64} />
}
