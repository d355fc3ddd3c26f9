import windTurbine from '../../../jobs/windTurbine.js'
import { slowed } from './slowed.js'

export default slowed(windTurbine)
