export { consoleSink, type ConsoleSinkOptions } from './console-sink.js'
