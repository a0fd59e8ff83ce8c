package main

// What is asked, and answered.
const steps = `
/get?key=a -> error: none
/put?key=a&value=1 -> put
/get?key=a -> 1 false
/put?key=a&value=2 -> put
/get?key=a -> 2 false
/put?key=b/1&value= -> put
/get?key=b/1 ->  false
/put?key=b/2&value=x&ttl=1h -> put
/get?key=b/2 -> x true
/list?prefix= -> ["a" "b/1" "b/2"] ""
/list?prefix=b -> ["b/1" "b/2"] ""
/list?prefix=b&limit=1 -> ["b/1"] "b/1"
/list?prefix=b&after=b/1 -> ["b/2"] ""
/list?prefix=b&after=b/2 -> [] ""
/list?prefix=c -> [] ""
/delete?key=b/1 -> deleted
/delete?key=b/1 -> error: none
/list?prefix=b -> ["b/2"] ""
/put?key=short&value=x&ttl=50ms -> put
sleep
/get?key=short -> error: none
/delete?key=short -> error: none
/list?prefix=s -> [] ""
/put?key=short&value=y -> put
/get?key=short -> y false
/delete?key=short -> deleted
/count?key=n&many=5 -> counted
/count?key=n&many=5 -> counted
/get?key=n -> 10 false
/add?key=sum&number=5 -> 5
/add?key=sum&number=-7 -> -2
/get?key=sum -> -2 false
/put?key=sum&value=9223372036854775806&ttl=1h -> put
/add?key=sum&number=1 -> 9223372036854775807
/get?key=sum -> 9223372036854775807 true
/add?key=sum&number=1 -> error: not a number
/add?key=sum&number=-9223372036854775808 -> -1
/add?key=sum&number=-9223372036854775808 -> error: not a number
/get?key=sum -> -1 true
/add?key=sum&number=0 -> -1
/put?key=sum&value=01 -> put
/add?key=sum&number=1 -> error: not a number
/put?key=sum&value= -> put
/add?key=sum&number=1 -> error: not a number
/put?key=sum&value=7&ttl=1ms -> put
sleep
/add?key=sum&number=1 -> 1
/get?key=sum -> 1 false
/add?key=&number=1 -> error: edge: add "": a key has 1 to 480 bytes, a value 131072 at most
/delete?key=sum -> deleted
/put?key=large&size=131072 -> put
/put?key=large&size=131073 -> error: edge: put "large": a key has 1 to 480 bytes, a value 131072 at most
/put?key=&value=x -> error: edge: put "": a key has 1 to 480 bytes, a value 131072 at most
/put?key=a&value=x&ttl=-1s -> error: edge: put "a": a time to live is not negative
/delete?key=large -> deleted
`
