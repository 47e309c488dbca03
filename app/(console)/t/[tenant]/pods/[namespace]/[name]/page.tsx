import { PodOverview } from '@/components/pods/pod-overview'

export default function Page() {
  return <PodOverview />
}
