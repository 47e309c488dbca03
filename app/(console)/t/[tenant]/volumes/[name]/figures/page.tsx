import { VolumeFiguresTab } from '@/components/volumes/volume-figures'

export default function Page() {
  return <VolumeFiguresTab />
}
