import { PodAttach } from '@/components/pods/attach'

export default function Page() {
  return <PodAttach />
}
