module kv

go 1.26

require aotc/edge v0.0.0

replace aotc/edge => ../../../edge
