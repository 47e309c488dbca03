'use client'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { VolumeView } from '@/domain/volume/view'
import { paths } from '@/components/client/paths'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { TextLink } from '@/components/ui/text-link'
import { VolumeField } from './volume-field'

type Props = { tenant: string; title: string; /** What leads on: "Choose where". */ go: string; hint: string; may: (volume: VolumeView) => boolean; hrefOf: (volume: string) => string; onClose: () => void }

/** Which volume; a form on its page asks for the rest. */
export function ChooseVolume({ tenant, title, go, hint, may, hrefOf, onClose }: Props) {
  const router = useRouter()
  const [volume, setVolume] = useState('')
  const name = volume.trim()
  const leave = () => { if (name) router.push(hrefOf(name)) }
  return (
    <Dialog title={title} onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" disabledReason={name ? undefined : 'Choose a volume first.'} onClick={leave}>{go}</Button></>}>
      <form className="flex flex-col gap-3" onSubmit={(event) => { event.preventDefault(); leave() }}>
        <VolumeField tenant={tenant} value={volume} error={undefined} onChange={setVolume} may={may} hint={() => hint} focus />
        <TextLink href={paths.newVolume(tenant)}>Create a volume instead</TextLink>
      </form>
    </Dialog>
  )
}
