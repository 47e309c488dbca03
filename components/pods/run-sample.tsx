'use client'
import { Play } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { sampleImage } from '@/domain/image/sample'
import { toFailure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { Button } from '@/components/ui/button'
import { notify } from '@/components/ui/toast'

/** A first pod with one press: the image is on every host already. */
export function RunSample({ tenant, namespace = 'default' }: { tenant: string; namespace?: string }) {
  const api = useTRPCClient()
  const router = useRouter()
  const [pending, setPending] = useState(false)
  const run = async () => {
    setPending(true)
    try {
      const name = `sample-${crypto.randomUUID().slice(0, 5)}`
      await api.pod.create.mutate({ tenant, namespace, name, labels: { app: 'sample' }, spec: { containers: [{ name: 'web', image: sampleImage, ports: [{ containerPort: 8080 }] }] }, requestId: crypto.randomUUID() })
      router.push(paths.pod(tenant, namespace, name))
    } catch (error) {
      setPending(false)
      void notify({ title: 'The sample was not started', detail: toFailure(error).message, tone: 'error' })
    }
  }
  return <Button icon={<Play className="size-4" />} pending={pending} onClick={() => void run()}>Run the sample</Button>
}
