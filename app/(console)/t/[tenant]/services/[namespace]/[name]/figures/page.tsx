import { ServiceFiguresTab } from '@/components/services/service-figures-tab'

export default function Page() {
  return <ServiceFiguresTab />
}
