import { PodPorts } from '@/components/pods/ports/ports-page'

export default function Page() {
  return <PodPorts />
}
