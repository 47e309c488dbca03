import { ReachabilityPage } from '@/components/reachability/reachability-page'

export default function Page() {
  return <ReachabilityPage />
}
