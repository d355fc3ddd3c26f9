export { deadLetter } from './dead-letter.js'
